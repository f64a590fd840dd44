"""What a report could not see, told by the reason: twelve needs that lack one source are one line, not twelve.

News comes first (a source that did not answer, a card that is gone); what can never be answered on this site comes last.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from responder.logic.impact import NO_HOURS, SOME_HOURS
from responder.model.diagnosis import MissingNeed
from responder.model.report import Impact

_CODE = re.compile(r"[a-z0-9_]+")

WORDS = {
    "not_configured": "no source for it is configured",
    "no_variable": "the incident names nothing to ask about",
    "no_data": "the source has no data for it",
    "not_recorded": "not asked when it happened",
    "not_this_node": "another machine's, out of reach from here",
    "timeout": "no answer in time",
}
"""Reason codes whose own words would puzzle a reader; the others are read as they stand."""

EXPECTED = ("not_recorded", "no_variable", "not_this_node", "not_supported", "not_asked", "not_configured")
"""Reasons that say something about the site or the incident, not about the night: told last, in this order."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The needs that one reason left open, as words."""

    why: str
    needs: tuple[str, ...]


def by_reason(missing: Sequence[MissingNeed]) -> list[Gap]:
    """One entry per reason: unexpected ones in the order of the report, then the expected ones."""
    groups: dict[str, dict[str, None]] = {}
    for one in missing:
        groups.setdefault(one.reason, {})[_plain(one.need)] = None
    ordered = sorted(groups, key=lambda reason: EXPECTED.index(reason) + 1 if reason in EXPECTED else 0)
    return [Gap(WORDS.get(reason) or _plain(reason), tuple(groups[reason])) for reason in ordered]


def _plain(name: str) -> str:
    """A code as words; a sentence stays as it is."""
    return name.replace("_", " ").strip() if _CODE.fullmatch(name) else name


FIGURES = {"gpu_hours_lost": "GPU-hours lost", "gpu_hours_at_risk": "GPU-hours at risk", "cost_usd": "cost"}


def figures_missing(impact: Impact) -> list[str]:
    """Figures that a reader expects and why they are not there, or not all; those of one reason are one line."""
    lines: dict[tuple[str, str], list[str]] = {}
    for gap in impact.unknown:
        if gap.field in FIGURES and gap.reason not in (NO_HOURS, SOME_HOURS):
            state = "not complete" if impact.at_least(gap.field) else "not known"
            lines.setdefault((state, gap.reason), []).append(FIGURES[gap.field])
    return [f"{' and '.join(names)} {state}: {reason}" for (state, reason), names in lines.items()]
