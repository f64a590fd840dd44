"""Reads rules, skills and the changeable part of the configuration into one playbook."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from responder.config import Loaded
from responder.document import load
from responder.errors import ConfigError
from responder.library.paths import resolve
from responder.library.rules import load_rules
from responder.library.skills import load_skills
from responder.logic.grade import DEFAULT_ALERT, DEFAULT_THRESHOLDS, Matrix
from responder.logic.impact import Prices
from responder.logic.match import matches, parse_condition
from responder.logic.route import Router
from responder.model.delivery import EscalationStep, Owner
from responder.model.incident import Severity
from responder.model.rule import Condition
from responder.model.silence import Silence
from responder.pipeline.hosts import Hosts
from responder.pipeline.playbook import Place, Playbook


def read_playbook(
    loaded: Loaded, *, rules: tuple[str, ...] | None = None, skills: tuple[str, ...] | None = None
) -> Playbook:
    """Raises ConfigError(s). `rules` and `skills` stand in for the configured folders (replay with other rules)."""
    config = loaded.config
    library = load_skills(resolve(skills or config.skills, "skills", loaded.path("")))
    ruleset = load_rules(resolve(rules or config.rules, "rules", loaded.path("")))
    topology = _topology(loaded)
    return Playbook(
        rules=ruleset,
        router=Router(ruleset),
        skills=library.skills,
        knowledge=library.knowledge,
        config_version=loaded.version,
        skills_version=library.version,
        owners=_owners(loaded),
        matrix=_matrix(loaded),
        prices=Prices(config.prices.gpu_hour_usd),
        topology=topology,
        hosts=Hosts(config.node_domains, topology),
        silences=_silences(loaded),
        base_url=config.listen.base_url or f"http://{config.listen.address}",
    )


def _owners(loaded: Loaded) -> dict[str, Owner]:
    owners = {
        name: Owner(
            name=name,
            targets=part.targets,
            escalation=tuple(EscalationStep(level=s.level, who=s.who, after=s.after) for s in part.escalation),
        )
        for name, part in loaded.config.owners.items()
    }
    owners.setdefault("default", Owner(name="default"))
    return owners


def _matrix(loaded: Loaded) -> Matrix:
    part = loaded.config.severity
    thresholds: Mapping[str, Mapping[str, float]] = {
        **DEFAULT_THRESHOLDS,
        **{driver: {str(k): v for k, v in levels.items()} for driver, levels in part.thresholds.items()},
    }
    return Matrix(
        alert={**DEFAULT_ALERT, **{word: Severity(level) for word, level in part.alert.items()}},
        classes={name: Severity(level) for name, level in part.classes.items()},
        thresholds=thresholds,
    )


def _topology(loaded: Loaded) -> dict[str, Place]:
    """`node: {rack, switch, cluster}` inline or in a file of its own."""
    source = loaded.config.topology
    if source is None:
        return {}
    if isinstance(source, str):
        file = loaded.path(source)
        data = load(file).data
        if not isinstance(data, dict):
            raise ConfigError(
                "a topology is a mapping of node to its place", file=file, expected="n17: {rack: r3, switch: leaf-3}"
            )
        source = data
    known = {"rack", "switch", "cluster"}
    return {
        str(node): Place(**{key: str(value) for key, value in (place or {}).items() if key in known})
        for node, place in source.items()
    }


def _silences(loaded: Loaded) -> tuple[Silence, ...]:
    out = []
    for number, part in enumerate(loaded.config.silences):
        digest = hashlib.blake2b(f"{part.match}{part.start}{part.end}".encode(), digest_size=5).hexdigest()
        out.append(
            Silence(
                id=f"sil-{digest}",
                match=_silenced(loaded, number, part.match),
                text=part.match,
                starts_at=part.start,
                ends_at=part.end,
                created_by=part.author,
                comment=part.comment,
                created_at=part.start,
                maintenance=part.maintenance,
                configured=True,
            )
        )
    return tuple(out)


def _silenced(loaded: Loaded, number: int, match: str) -> Condition:
    """What the configuration's silence of that number is about; a mistake is said with its place in the file."""
    line, column = load(loaded.file).place(("silences", number, "match")) if loaded.file else (None, None)
    try:
        condition = parse_condition(match)
    except ConfigError as error:
        raise ConfigError(
            error.message, loaded.file, line, column, found=match, hint=error.hint, code="C130"
        ) from error
    if matches(condition, {}):
        raise ConfigError(
            "this would silence everything",
            file=loaded.file,
            line=line,
            column=column,
            found=match,
            expected="a matcher that a plain event does not satisfy",
            code="C130",
        )
    return condition


def watched(loaded: Loaded) -> list[Path]:
    """Files and folders whose change means a reload."""
    folders = [
        *resolve(loaded.config.rules, "rules", loaded.path("")),
        *resolve(loaded.config.skills, "skills", loaded.path("")),
    ]
    files = [loaded.file] if loaded.file else []
    if isinstance(loaded.config.topology, str):
        files.append(loaded.path(loaded.config.topology))
    return [path for path in (*files, *folders) if path.exists()]


def skill_folders(loaded: Loaded) -> list[Path]:
    """Folders that skills are read from."""
    return resolve(loaded.config.skills, "skills", loaded.path(""))


def skill_texts(loaded: Loaded, name: str) -> dict[str, str]:
    """The texts of a skill's folder by relative path; empty when there is no such folder."""
    if "/" in name or name.startswith("."):
        return {}
    for folder in skill_folders(loaded):
        root = folder / name
        if (root / "SKILL.md").is_file():
            return {
                str(file.relative_to(root)): file.read_text(encoding="utf-8")
                for file in sorted(root.rglob("*"))
                if file.is_file()
            }
    return {}
