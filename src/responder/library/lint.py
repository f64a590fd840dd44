"""What is wrong, or could be better, with rules: each finding has a stable id, a place and something to do.

R100 (cannot be read) and R101 (duplicate name) come from reading; the checks below look at one rule each, with what was
read before it. Errors keep rules from loading or from working; warnings are for a person to decide.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from responder.document import Problem, nearest
from responder.library.rules import RuleBook, Written, read_rules
from responder.logic.implication import contradiction, implies, takes_everything
from responder.logic.match import show_matcher
from responder.logic.route import ENTITY_KINDS
from responder.model.event import AlertSeverity
from responder.model.rule import All, Any_, Condition, Matcher, MatchOp, Not, One, Outcome

TARGET_MODES = ("diagnoser", "classifier")
COMPARED = 400  # earlier rules that a rule is compared with; all of them would be quadratic in a huge rule set

_MISPLACED = re.compile(r"(?<=[\w.*+)\]])\^|(?<!\\)\$(?=[\w.(\[])")
_OUTER_ALTERNATIVES = re.compile(r"^\||\|$|\|\|")


@dataclass
class Scene:
    """What a rule is checked against. None: not known, not checked."""

    skills: Mapping[str, tuple[str, str]] | None = None
    """Name to (mode, status)."""
    sinks: Sequence[str] | None = None
    owners: Sequence[str] | None = None
    earlier: list[Written] = field(default_factory=list)


Check = Callable[[Written, Scene], Iterator[Problem]]


def lint_rules(
    paths: Sequence[Path],
    *,
    skills: Mapping[str, tuple[str, str]] | None = None,
    sinks: Sequence[str] | None = None,
    owners: Sequence[str] | None = None,
) -> list[Problem]:
    """Everything there is to say about the rules under these paths, in the order of the files."""
    return lint_book(read_rules(paths), Scene(skills, sinks, owners))


def lint_book(book: RuleBook, scene: Scene) -> list[Problem]:
    problems = list(book.problems)
    for written in book.rules:
        for check in CHECKS:
            problems += check(written, scene)
        scene.earlier.append(written)
    if book.rules and not takes_everything(book.rules[-1].rule.match):
        hint = "end with a rule whose match is '{}', or keep builtin:default as the last entry of `rules:`"
        problems.append(_finding(book.rules[-1], "R102", "warning", "no rule takes what is left over", (), hint=hint))
    return problems


def _finding(
    written: Written,
    id: str,
    severity: Literal["error", "warning"],
    message: str,
    path: tuple[str | int, ...] = ("name",),
    *,
    hint: str = "",
) -> Problem:
    where = (*written.path, *path)
    return written.document.problem(id, f"{written.rule.name}: {message}", where, severity=severity, hint=hint)


def skill_runs(written: Written, scene: Scene) -> Iterator[Problem]:
    """R103 unknown skill, R104 planned skill, R105 not a diagnoser or classifier, R106 none at all."""
    rule = written.rule
    if rule.skill is None:
        if rule.outcome is Outcome.TRIAGE:
            yield _finding(written, "R106", "error", "no skill", hint="add skill: ..., or outcome: observe")
        return
    if scene.skills is None:
        return
    known = scene.skills.get(rule.skill)
    if known is None:
        hint = nearest(rule.skill, scene.skills) or "`responder skills ls` lists all skills"
        yield _finding(written, "R103", "error", f'there is no skill "{rule.skill}"', ("skill",), hint=hint)
        return
    mode, status = known
    if mode not in TARGET_MODES:
        message = f'"{rule.skill}" is a {mode}; a rule can only send to a diagnoser or a classifier'
        hint = "it can be a related skill of the one that the rule sends to"
        yield _finding(written, "R105", "error", message, ("skill",), hint=hint)
    if status != "released":
        released = sorted(
            name for name, (kind, done) in scene.skills.items() if kind in TARGET_MODES and done == "released"
        )
        message = f'"{rule.skill}" is {status} and cannot run yet'
        yield _finding(written, "R104", "error", message, ("skill",), hint=f"released are: {', '.join(released)}")


def someone_is_responsible(written: Written, scene: Scene) -> Iterator[Problem]:
    """R107 no owner, R108 no runbook, R109 owner that looks misspelt."""
    rule = written.rule
    if rule.outcome is Outcome.OBSERVE:
        return
    if rule.owner is None:
        yield _finding(
            written, "R107", "warning", "no owner", hint="add owner: TEAM; until then it goes to the default owner"
        )
    elif scene.owners is not None and rule.owner not in scene.owners and (hint := nearest(rule.owner, scene.owners)):
        yield _finding(written, "R109", "warning", f'no owner is called "{rule.owner}"', ("owner",), hint=hint)
    if rule.runbook_url is None:
        yield _finding(written, "R108", "warning", "no runbook", hint="add runbook_url: https://...")


def sinks_exist(written: Written, scene: Scene) -> Iterator[Problem]:
    """R110 unknown sink."""
    for position, sink in enumerate(written.rule.sinks or ()):
        if scene.sinks is not None and sink not in scene.sinks:
            hint = nearest(sink, scene.sinks) or f"configured are: {', '.join(scene.sinks) or 'none'}"
            yield _finding(written, "R110", "error", f'no sink is called "{sink}"', ("sinks", position), hint=hint)


def can_be_reached(written: Written, scene: Scene) -> Iterator[Problem]:
    """R111 shadowed by an earlier rule, R112 behind a catch-all."""
    for other in reversed(scene.earlier[-COMPARED:]):
        if other.rule.continue_ or not implies(written.rule.match, other.rule.match):
            continue
        place = other.rule.place
        where = f"{other.rule.name} ({place.file}:{place.line})" if place else other.rule.name
        if takes_everything(other.rule.match):
            yield _finding(written, "R112", "warning", f"never reached: {where} takes everything", hint="move it up")
        else:
            hint = "move it up, make the earlier one narrower, or give that one `continue: true`"
            yield _finding(written, "R111", "warning", f"never reached: {where} takes all that it matches", hint=hint)
        return


def can_match(written: Written, scene: Scene) -> Iterator[Problem]:
    """R113 empty alternative, R114 matchers that exclude each other, R115 anchor inside a pattern."""
    del scene
    for matcher in _matchers(written.rule.match):
        if matcher.op not in (MatchOp.RE, MatchOp.NRE):
            continue
        shown = show_matcher(matcher)
        if _OUTER_ALTERNATIVES.search(matcher.value):
            hint = "remove the extra |; to allow for a missing label on purpose, write (a|b)?"
            message = f"{shown} has an empty alternative, which a missing label satisfies"
            yield _finding(written, "R113", "warning", message, ("match",), hint=hint)
        if _MISPLACED.search(matcher.value):
            hint = "patterns always match the whole value: leave ^ and $ out"
            yield _finding(written, "R115", "warning", f"{shown} can never match", ("match",), hint=hint)
    if (both := contradiction(written.rule.match)) is not None:
        message = f"{show_matcher(both[0])} and {show_matcher(both[1])} never hold together"
        hint = "a comma means and; for or use {any: [...]}"
        yield _finding(written, "R114", "warning", message, ("match",), hint=hint)


def keys_make_sense(written: Written, scene: Scene) -> Iterator[Problem]:
    """R116 group_by that looks misspelt, R117 severity word that no alert has after normalising."""
    del scene
    rule = written.rule
    mentioned = {matcher.label for matcher in _matchers(rule.match)}
    for position, names in enumerate(rule.group_by):
        for name in (part.strip() for part in names.split("|")):
            if name not in ENTITY_KINDS and name not in mentioned and (hint := nearest(name, ENTITY_KINDS, cutoff=0.8)):
                message = f'"{name}" is no entity'
                yield _finding(written, "R116", "warning", message, ("group_by", position), hint=hint)
    words = [*(word.value for word in AlertSeverity), "default"]
    for word in rule.severity:
        if word not in words:
            hint = f"the words are {', '.join(words)}; others are normalised to these (page is critical)"
            yield _finding(written, "R117", "error", f'no alert is "{word}"', ("severity", word), hint=hint)


def suppression_is_partial(written: Written, scene: Scene) -> Iterator[Problem]:
    """R118 a suppression that always applies."""
    del scene
    for position, one in enumerate(written.rule.suppress):
        if takes_everything(one.when) or implies(written.rule.match, one.when):
            hint = "use outcome: observe for what needs nobody"
            where = ("suppress", position, "when")
            yield _finding(written, "R118", "warning", "suppresses all that it matches", where, hint=hint)


CHECKS: tuple[Check, ...] = (
    skill_runs,
    someone_is_responsible,
    sinks_exist,
    can_be_reached,
    can_match,
    keys_make_sense,
    suppression_is_partial,
)


def _matchers(condition: Condition) -> Iterator[Matcher]:
    match condition:
        case One(matcher=matcher):
            yield matcher
        case Not(part=part):
            yield from _matchers(part)
        case All(parts=parts) | Any_(parts=parts):
            for part in parts:
                yield from _matchers(part)
