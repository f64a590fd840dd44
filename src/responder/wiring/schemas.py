"""The published JSON Schemas."""

from typing import Any

from pydantic import BaseModel

SCHEMAS = ("report", "rules", "config", "skill", "event")


def schema(name: str) -> dict[str, Any] | None:
    """None for a name that is not published."""
    from responder.config import Config
    from responder.library.rules import RuleFile
    from responder.library.skills import SkillFile
    from responder.model.event import Event
    from responder.model.report import Report

    models: dict[str, type[BaseModel]] = {
        "report": Report,
        "rules": RuleFile,
        "config": Config,
        "skill": SkillFile,
        "event": Event,
    }
    model = models.get(name)
    if model is None:
        return None
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
