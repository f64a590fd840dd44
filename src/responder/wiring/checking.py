"""`responder check`: everything that is wrong, or could be better, with the configuration, the rules and the skills."""

from collections.abc import Sequence
from pathlib import Path

from responder.config import Loaded, literal_secrets, read
from responder.document import ConfigErrors, Problem, load
from responder.errors import ConfigError
from responder.library.lint import lint_rules
from responder.library.paths import resolve
from responder.library.skill_lint import lint_skills
from responder.library.skills import load_skills
from responder.wiring import adapters
from responder.wiring.knowledge import read_playbook, skill_folders


def check_all(config: Path | None, paths: Sequence[Path]) -> list[Problem]:
    """Findings in the order configuration, rules, skills. Given paths are rule files or folders, or skill folders."""
    try:
        loaded = read(config)
    except ConfigError as error:
        return _problems(error, config)
    problems = _configuration(loaded) if not paths else []
    folders = skill_folders(loaded)
    skill_paths = [path for path in paths if (path / "SKILL.md").exists() or any(path.glob("*/SKILL.md"))]
    rule_paths = [path for path in paths if path not in skill_paths]
    try:
        registry = {
            name: (entry.mode.value, entry.status) for name, entry in load_skills(folders).knowledge.registry.items()
        }
    except ConfigError as error:
        problems += _problems(error, None)
        registry = None
    if rule_paths or not paths:
        problems += lint_rules(
            rule_paths or resolve(loaded.config.rules, "rules", loaded.path("")),
            skills=registry,
            sinks=tuple(loaded.config.sinks) if loaded.file else None,
            owners=tuple(loaded.config.owners) if loaded.config.owners else None,
        )
    if skill_paths or not paths:
        problems += lint_skills(skill_paths or folders, known=folders)
    return problems


def _configuration(loaded: Loaded) -> list[Problem]:
    """What reading alone does not find: literal secrets, adapters and their settings, topology, silences."""
    if loaded.file is None:
        return []
    document = load(loaded.file)
    problems = [
        document.problem(
            "C200",
            f"{'.'.join(str(step) for step in path)} holds a secret in clear text",
            path,
            severity="warning",
            hint="write ${env:NAME} or ${file:/run/secrets/name} instead",
        )
        for path in literal_secrets(document)
    ]
    for kind in ("sources", "enrichers", "sinks"):
        for name, raw in getattr(loaded.config, kind).items():
            try:
                adapters.settings(kind, name, raw)
            except ConfigError as error:
                hint = error.hint or (f"there are {error.expected}" if error.expected else "")
                problems.append(document.problem("C210", error.message, (kind, name), key=True, hint=hint))
    for name, raw in loaded.config.sinks.items():
        other = (raw or {}).get("fallback")
        if other is not None and (other not in loaded.config.sinks or other == name):
            hint = f"name one of {', '.join(one for one in loaded.config.sinks if one != name) or 'your other sinks'}"
            place = ("sinks", name, "fallback")
            problems.append(
                document.problem("C211", f"the fallback {other!r} is no other configured sink", place, hint=hint)
            )
    try:
        read_playbook(loaded)
    except ConfigErrors:
        pass  # rules and skills are linted with more to say
    except ConfigError as error:
        problems += _problems(error, loaded.file)
    return problems


def _problems(error: ConfigError, file: Path | None) -> list[Problem]:
    if isinstance(error, ConfigErrors):
        return list(error.problems)
    return [
        Problem(
            id=error.code,
            severity="error",
            file=error.file or file or Path("responder.yaml"),
            line=error.line or 1,
            column=error.column or 1,
            message=error.message,
            quoted="",
            hint=error.hint or "",
            found=error.found,
            expected=error.expected,
        )
    ]
