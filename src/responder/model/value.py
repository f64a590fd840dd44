"""What every noun of the model is: a frozen value that refuses fields it does not know."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen pydantic value; equality is by content, unknown fields are errors."""

    # A sample that is not a number is written as a text that is read back; pydantic's null could not be.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def _utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_utc)]
"""An aware timestamp in UTC; a naive one is taken as UTC."""
