"""`triage`, `replay`, `export` and `explain`: what happened, seen again."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from responder.cli.output import ConfigOption, JsonOption, config_file, print_json, read_input
from responder.errors import ConfigError

TimeOption = Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601, or an age such as 2h or 3d.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Triage")(triage)
    app.command(rich_help_panel="Triage")(replay)
    app.command(rich_help_panel="Triage")(export)
    app.command(rich_help_panel="Triage")(explain)


def known_kinds(incomplete: str) -> list[str]:
    """Shell completion of `--kind`."""
    from responder.model.event import Kind

    return [one.value for one in Kind if one.value.startswith(incomplete)]


def parse_span(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    """`--from` and `--to`. Raises ConfigError where nothing can lie between them."""
    now = datetime.now(UTC)
    first, last = parse_time(start, now), parse_time(end, now)
    if first is not None and last is not None and first >= last:
        raise ConfigError(f"--from {start} is not before --to {end}")
    return first, last


def parse_time(text: str | None, now: datetime) -> datetime | None:
    """ISO 8601, or an age: `2h` is two hours ago. Raises ConfigError: a slip in the command itself."""
    from responder.duration import parse_duration

    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"not a time: {text!r}; write 2026-11-20T03:00:00Z, or an age such as 2h") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def triage(
    file: Annotated[str, typer.Argument(metavar="[FILE or -]", help="An alert payload, a job event or a log.")] = "-",
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", autocompletion=known_kinds, help="What it is about; guessed when left out."),
    ] = None,
    at: TimeOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """One-off: a payload or a log in, a report out. Needs no daemon and no configuration.

    KIND: training_job inference_service node scheduler data_pipeline registry agent monitoring

    [dim]Example:[/dim]  kubectl logs train-0 | responder triage -
    """
    from responder.model.event import Kind
    from responder.wiring.offline import offline, print_reports
    from responder.wiring.oneoff import triage_once

    if kind is not None and kind not in {one.value for one in Kind}:
        raise ConfigError(f"no kind is called {kind!r}; there are {' '.join(one.value for one in Kind)}")
    body = read_input(file)
    now = datetime.now(UTC)

    async def work() -> None:
        async with offline(config_file(config), enrich=True) as parts:
            reports = await triage_once(
                parts.book, body, kind=kind, at=parse_time(at, now) or now, answers=parts.answers
            )
        if json:
            documents = [report.model_dump(mode="json", by_alias=True) for report in reports]
            print_json(documents[0] if len(documents) == 1 else documents)
        else:
            print_reports(reports)

    asyncio.run(work())


def replay(
    source: Annotated[str, typer.Argument(help="journal, kafka:TOPIC, or a file of `responder export`.")],
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only events from then on.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only events before then.")] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Folder of rules in place of the configured folders; the built-in ones stay where configured."
        ),
    ] = None,
    skills: Annotated[Path | None, typer.Option(help="Skills to replay with instead of the configured ones.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Compare with what was decided then.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run history through the engine again, on a virtual clock, with recorded evidence. Nothing is ever sent.

    [dim]Example:[/dim]  responder replay journal --from 24h --rules ./rules --diff
    """
    from responder.wiring.replay import replay_source

    for folder in (rules, skills):
        if folder is not None and not folder.exists():
            raise ConfigError("no such folder", file=folder)
    first, last = parse_span(start, end)
    outcome = asyncio.run(
        replay_source(
            source,
            config_file(config),
            start=first,
            end=last,
            rules=rules,
            skills=skills,
            diff=diff,
            watched=sys.stderr.isatty(),
        )
    )
    if json:
        print_json(outcome.document())
    else:
        outcome.print()


def export(
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only events from then on.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only events before then.")] = None,
    config: ConfigOption = None,
) -> None:
    """Print events with their evidence, reports and operator actions as JSON lines, redacted.

    [dim]Example:[/dim]  responder export --from 2d > night.jsonl
    """
    from responder.wiring.replay import export_journal

    first, last = parse_span(start, end)
    watched = sys.stderr.isatty() and not sys.stdout.isatty()
    asyncio.run(export_journal(config_file(config), first, last, sys.stdout.buffer.write, watched=watched))


def explain(
    what: Annotated[str, typer.Argument(metavar="EVENT_ID or FILE", help="An event of the journal, or a payload.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Why: which rules matched or not and at which matcher, what held it back, what was sent where.

    [dim]Example:[/dim]  responder explain ev_4k2j...   responder explain alert.json
    """
    from responder.wiring.explaining import explain_file, explain_stored, print_explanation

    given = config_file(config)
    found = (
        asyncio.run(explain_stored(what, given))
        if what.startswith("ev_") and not Path(what).exists()
        else explain_file(read_input(what), given)
    )
    if json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        for one in found:
            print_explanation(one)
