"""What every noun of the model is: a frozen value that refuses fields it does not know."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen pydantic value; equality is by content, unknown fields are errors."""

    # A sample that is not a number is written as a text that is read back; pydantic's null could not be.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    @classmethod
    def unchecked(cls, **fields: Any) -> Self:
        """A value whose fields are known to be right, for the few places that make one per event: nothing is validated, converted
        or copied, which takes a sixth of the time; less where all fields are given, in their order. Equal to the validated one
        (tests/formats/test_hostile.py)."""
        every, template, makers = _template(cls)
        values = fields
        if len(fields) != len(template):
            values = template | fields
            for name, make in makers:
                if name not in fields:
                    values[name] = make()
        made: Self = _new(cls)
        _put_fields(made, values)
        _put_fields_set(made, every)
        _put_extra(made, None)
        _put_private(made, None)
        return made


# What `object.__setattr__` would look up each time: pydantic's own slots, past its refusal to change a frozen value.
_new: Any = object.__new__
_put_fields, _put_fields_set, _put_extra, _put_private = (
    BaseModel.__dict__[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


@cache
def _template(model: type[BaseModel]) -> tuple[set[str], dict[str, Any], tuple[tuple[str, Callable[[], Any]], ...]]:
    """The names of all fields, the fields in order with their defaults, and what makes those that must not be shared.

    All values of a model share the one set of names: of each value's own, of 2 KB, the processor's cache would be full.
    """
    fields = model.model_fields.items()
    defaults = {name: None if field.is_required() else field.default for name, field in fields}
    makers: Any = tuple((name, field.default_factory) for name, field in fields if field.default_factory is not None)
    return set(defaults), defaults, makers


def _utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_utc)]
"""An aware timestamp in UTC; a naive one is taken as UTC."""
