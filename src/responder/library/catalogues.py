"""Catalogues of error codes on disk -> model. A file with `triage` holds one or more sections of codes and how to read them."""

from typing import Any

from responder.document import ConfigErrors, Document
from responder.library.knowledge_lint import compiles
from responder.model.knowledge import Catalogue

_SHARED = {"schema", "sources", "default_source", "actions", "triage", "combinations"}


def read_catalogues(document: Document) -> dict[str, Catalogue]:
    """Every section whose keys are code numbers (or that has `codes`) is a catalogue; the first one gets the combinations."""
    data = document.data
    actions = {
        name: {key: value for key, value in step.items() if key in ("do", "command", "risk", "reversible", "same")}
        for name, step in (data.get("actions") or {}).items()
    }
    bad = [name for name, step in actions.items() if step.get("same") and not compiles(step["same"])]
    if bad:
        problems = [
            document.problem("S100", f"no RE2 pattern: {actions[name]['same']}", ("actions", name, "same"))
            for name in bad
        ]
        raise ConfigErrors(problems)
    triage = data.get("triage") or {}
    found: dict[str, Catalogue] = {}
    verdicts: dict[int, Any] = next(
        (part for name, part in data.items() if name.endswith("_actions") and isinstance(part, dict)), {}
    )
    decodes: list[Any] = next(
        (part["rules"] for part in data.values() if isinstance(part, dict) and isinstance(part.get("rules"), list)), []
    )
    for name, section in data.items():
        if name in _SHARED or not isinstance(section, dict) or section is verdicts or "rules" in section:
            continue
        codes = section.get("codes", section)
        if not codes or not all(str(code).isdigit() for code in codes):
            continue
        groups = section.get("groups") or {}
        entries = {code: {**groups.get(entry.get("group"), {}), **entry} for code, entry in codes.items()}
        main = not found
        found[name] = Catalogue.model_validate(
            {
                "name": name,
                "codes": entries,
                "ranges": section.get("ranges") or [] if "codes" in section else [],
                "combinations": data.get("combinations") or [] if main else [],
                "decodes": decodes if main else [],
                "verdicts": verdicts if main else {},
                "actions": actions,
                "verdict_code": triage.get("verdict_code") if main else None,
                "yields": [
                    code for code in triage.get("yields_to_any_other") or [] if code != triage.get("verdict_code")
                ]
                if main
                else [],
                "monitors": triage.get("monitor_names") or [],
                "window_s": triage.get("window_seconds") or 60,
            }
        )
    return found
