"""`test`, `check`, `evaluate` and `skills`: knowledge is data, and these are its tools."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from responder.cli.output import ConfigOption, JsonOption, config_file, print_json, table
from responder.errors import ConfigError, InputError

skills = typer.Typer(help="The registry of skills.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Rules and skills")(test)
    app.command(rich_help_panel="Rules and skills")(check)
    app.command(rich_help_panel="Rules and skills")(evaluate)
    app.add_typer(skills, name="skills", rich_help_panel="Rules and skills")


def known_skills(incomplete: str) -> list[tuple[str, str]]:
    """Shell completion of skill names, from the configuration found here."""
    try:
        registry = _book(None).knowledge.registry
    except Exception:  # a prompt must not break because a file is being edited  # noqa: BLE001
        return []
    return [(name, one.use_when) for name, one in registry.items() if name.startswith(incomplete)]


PathsArgument = Annotated[
    list[Path] | None, typer.Argument(help="Files or folders; default: what the configuration names.")
]


def test(
    paths: PathsArgument = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Name the tests that pass, too.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run rules/*.test.yaml and the skills' examples on a virtual clock, through the live engine.

    [dim]Example:[/dim]  responder test rules/gpu.test.yaml
    """
    from responder.wiring.testing import run_tests

    outcome = asyncio.run(run_tests(config_file(config), paths or [], watched=sys.stderr.isatty()))
    if json:
        print_json(outcome.document())
    else:
        outcome.print(verbose=verbose)
    if outcome.failed:
        raise typer.Exit(1)


def check(paths: PathsArgument = None, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Lint configuration, rules and skills: stable ids, the place, the quoted line, what to do.

    Exit code 2 when the configuration is wrong, 1 when rules or skills are.

    [dim]Example:[/dim]  responder check
    """
    from responder.wiring.checking import check_all

    problems = check_all(config_file(config), paths or [])
    errors = sum(problem.severity == "error" for problem in problems)
    if json:
        fields = ("id", "severity", "line", "column", "message", "hint")
        print_json(
            {"problems": [{"file": str(p.file), **{name: getattr(p, name) for name in fields}} for p in problems]}
        )
    else:
        for problem in problems:
            typer.echo(problem.render() + "\n")
        warnings = len(problems) - errors
        counted = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
        typer.echo(counted if problems else "no problems", err=bool(problems))
    if errors:
        wrong = any(problem.severity == "error" and problem.id.startswith("C") for problem in problems)
        raise typer.Exit(2 if wrong else 1)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def evaluate(
    cases: Annotated[
        list[Path], typer.Argument(help="Labelled cases: JSONL, or the YAML of a skill library's examples.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write a result per line there.")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Accuracy over labelled cases: only their kind and text reach the engine.

    [dim]Example:[/dim]  responder evaluate cases.jsonl --out results.jsonl
    """
    from responder.wiring.evaluating import evaluate_cases

    for file in cases:
        if not file.exists():
            raise InputError(f"cannot read {file}: no such file")
    summary = evaluate_cases(cases, config_file(config), out, watched=sys.stderr.isatty())
    if json:
        print_json(summary)
        return
    per_class = summary.pop("per_class")
    table(("MEASURE", "VALUE"), [(name, f"{v:.4f}" if isinstance(v, float) else v) for name, v in summary.items()])
    typer.echo()
    table(
        ("CLASS", "N", "TOP1", "TOP3"),
        [(name, row["n"], row["top1"], row["top3"]) for name, row in sorted(per_class.items())],
    )


@skills.command("ls")
def skills_ls(
    domain: Annotated[str | None, typer.Option(help="Only this domain.")] = None,
    mode: Annotated[
        Literal["diagnoser", "classifier", "reviewer", "planner", "optimizer", "reporter", "checker"] | None,
        typer.Option(help="Only this mode."),
    ] = None,
    status: Annotated[Literal["released", "planned"] | None, typer.Option(help="Only these.")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the registry: released skills run, planned ones are suggested.

    [dim]Example:[/dim]  responder skills ls --status released
    """
    book = _book(config)
    chosen = [
        one
        for one in book.knowledge.registry.values()
        if domain in (None, one.domain) and mode in (None, one.mode.value) and status in (None, one.status)
    ]
    if json:
        print_json([one.model_dump(mode="json") for one in chosen])
        return
    rows = [(one.number, one.name, one.domain, one.mode.value, one.status, one.use_when) for one in chosen]
    table(("#", "NAME", "DOMAIN", "MODE", "STATUS", "USE WHEN"), rows, empty="no skill matches")


@skills.command("show")
def skills_show(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=known_skills, help="A skill.")],
    config: ConfigOption = None,
) -> None:
    """Print a skill's SKILL.md, or what the registry says of a planned one.

    [dim]Example:[/dim]  responder skills show training-job-debugger
    """
    from responder.config import read
    from responder.document import nearest
    from responder.wiring.knowledge import skill_texts

    book = _book(config)
    texts = skill_texts(read(config_file(config)), name)
    if texts:
        typer.echo(texts["SKILL.md"])
        return
    entry = book.knowledge.registry.get(name)
    if entry is None:
        raise InputError(
            f"no skill is called {name!r}; {nearest(name, book.knowledge.registry) or 'see `responder skills ls`'}"
        )
    typer.echo(
        f"{entry.name} ({entry.mode.value}, {entry.domain}) is planned.\nUse when {entry.use_when}.\nOutput: {entry.output}"
    )


@skills.command("export")
def skills_export(config: ConfigOption = None) -> None:
    """The registry with its JSON Schema and the taxonomy, as one JSON document.

    [dim]Example:[/dim]  responder skills export > registry.json
    """
    from responder.model.skill import SkillEntry

    knowledge = _book(config).knowledge
    print_json(
        {
            "schema": "responder.registry/v1",
            "json_schema": SkillEntry.model_json_schema(),
            "skills": [one.model_dump(mode="json") for one in knowledge.registry.values()],
            "taxonomy": {id: one.model_dump(mode="json", by_alias=True) for id, one in knowledge.taxonomy.items()},
        }
    )


def _book(config: Path | None):  # type: ignore[no-untyped-def]
    from responder.config import read
    from responder.wiring.knowledge import read_playbook

    try:
        return read_playbook(read(config_file(config)))
    except FileNotFoundError as error:
        raise ConfigError(f"cannot read {error.filename}") from error
