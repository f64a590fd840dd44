"""A question in normal form: under this key an answer is journalled, and found again by replay."""

import json
import re
from collections.abc import Mapping

from responder.model.evidence import Ask

_VARIABLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


def question_key(ask: Ask) -> str:
    """Enricher, query with its variables filled in, and window; independent of how the enricher is configured."""
    need = ask.need
    query = _filled(json.dumps(need.query, sort_keys=True), ask.variables)
    span = (
        f"{ask.window.start_at.isoformat()}/{ask.window.end_at.isoformat()}"
        if need.range
        else ask.window.at.isoformat()
    )
    return f"{need.source}:{need.name}:{query}@{span}{'+baseline' if need.baseline else ''}"


def _filled(text: str, variables: Mapping[str, tuple[str, ...]]) -> str:
    return _VARIABLE.sub(lambda found: ",".join(variables.get(found[1], ())) or found[0], text)
