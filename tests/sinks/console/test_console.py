"""Reports on the terminal: whole and plain when piped, quiet when nothing changed, never a terminal's commands from a log line."""

import asyncio
import io
import re
import threading
from datetime import timedelta

import pytest
import rich.console
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from responder.errors import Permanent
from responder.model.delivery import Owner, Receipt, Visible
from responder.model.diagnosis import Hypothesis, MissingNeed, RuledOut
from responder.model.evidence import Evidence
from responder.model.incident import Severity
from responder.model.report import Impact, Report
from responder.sinks.console import Settings, render
from responder.sinks.console.sink import Console
from tests.strategies import gpu_report, order, reports, shown


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def console(stream: io.StringIO, **change: object) -> Console:
    return Console(Settings.model_validate(change), "http://127.0.0.1:8080", stream)


def deliver(sink: Console, report: Report, receipt: Receipt | None = None, **change: object) -> Receipt:
    visible = Visible(change.pop("visible", Visible.OPEN))
    asked = order(report, visible, receipt=receipt, **change)
    return shown(asyncio.run(sink.deliver(asked, report)), visible)


def test_a_piped_report_is_plain_and_says_all_that_matters() -> None:
    out = io.StringIO()
    deliver(console(out), gpu_report())
    said = out.getvalue()
    assert "\x1b" not in said
    for part in (
        "SEV2  GPU 3 of gpu-n17 fell off the bus (Xid 79)",
        "gpu-n17 · GPU 3 GPU-5c8e1f2a-90b1-4c3d-8e7f-aa10b2c3d4e5",
        "18.4 GPU-h lost · 64 GPU-h at risk · $46",
        "█████████░  93 %  The GPU fell off the PCIe bus, very likely",
        "e1 log: kernel: NVRM: Xid (PCI:0000:4e:00): 79",
        "1 Drain the node so that nothing new lands on it  [low risk]",
        "$ scontrol update nodename=gpu-n17 state=drain reason='xid 79'",
        "[HIGH RISK, cannot be undone]",
        "thermal_shutdown (e4: 61 °C, slowdown at 87 °C)",
        "nvlink errors (gpu is lost)",
        "training-job-debugger: two jobs died on this node",
    ):
        assert part in said


def printed(report: Report) -> str:
    out = io.StringIO()
    deliver(console(out), report)
    return out.getvalue()


def test_what_could_not_be_seen_is_told_by_its_reason() -> None:
    needs = [MissingNeed(need=f"need_{n}", reason="not_configured") for n in range(12)]
    said = printed(gpu_report(missing=(*needs, MissingNeed(need="pcie_width", reason="timeout"))))
    assert "missing    pcie width (no answer in time)\n" in said
    assert "need 0, need 1, need 2, need 3, need 4, need 5 +6 more (no source for it is configured)" in said


def test_a_long_line_is_quoted_in_short_against_what_was_ruled_out_and_the_impossible_is_not_listed() -> None:
    report = gpu_report()
    line = "zebra " * 80
    evidence = (*report.evidence, Evidence(id="e9", source="log", statement=line))
    never = Hypothesis.model_validate({"class": "gpu.ecc", "title": "Uncorrectable error", "probability": 0.0})
    out = RuledOut.model_validate({"class": "train.host_oom", "because": ("e9",)})
    said = printed(
        report.model_copy(
            update={"evidence": evidence, "ruled_out": (out,), "hypotheses": (*report.hypotheses[:1], never)}
        )
    )
    assert "train.host_oom (e9: zebra zebra" in said
    assert said.count("zebra") < 20
    assert "Uncorrectable error" not in said


def test_classes_that_one_line_rules_out_share_it_and_what_stands_above_is_only_named() -> None:
    report = gpu_report()
    first = report.hypotheses[0].because[0]
    evidence = (*report.evidence, Evidence(id="e9", source="log", statement="all is well"))
    ruled = [("a.x", first), ("a.y", first), ("a.z", "e9")]
    out = tuple(RuledOut.model_validate({"class": name, "because": (cite,)}) for name, cite in ruled)
    said = printed(report.model_copy(update={"evidence": evidence, "ruled_out": out}))
    assert f"ruled out  a.x, a.y ({first})\n" in said
    assert "a.z (e9: all is well)" in said


def test_the_same_words_about_several_nodes_are_told_once() -> None:
    report = gpu_report()
    told = ("[n1] node is away (×41)", "[n2] node is away", "another thing")
    evidence = tuple(Evidence(id=f"x{n}", source="event", statement=text) for n, text in enumerate(told))
    first = report.hypotheses[0].model_copy(update={"because": tuple(one.id for one in evidence)})
    said = printed(report.model_copy(update={"evidence": evidence, "hypotheses": (first,)}))
    assert said.count("node is away") == 1
    assert "x2 event: another thing" in said


def test_many_nodes_are_named_after_their_rack() -> None:
    nodes = tuple(f"n{n}" for n in range(40))
    report = gpu_report(incident={"key": {"cluster": "a", "rack": "r12"}}, impact=Impact(nodes=nodes))
    assert "where      rack r12 · 40 nodes · n0, n1, n2 +37 more\n" in printed(report)


def test_a_terminal_gets_colour_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for stream, change, coloured in (
        (Terminal(), {}, True),
        (Terminal(), {"color": "never"}, False),
        (io.StringIO(), {"color": "always"}, True),
    ):
        deliver(console(stream, **change), gpu_report())
        assert ("\x1b[" in stream.getvalue()) is coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    deliver(console(plain), gpu_report())
    assert "\x1b[" not in plain.getvalue()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(reports, st.sampled_from([60, 80, 110]))
def test_every_report_fits_its_width_and_carries_no_control_characters(report: Report, width: int) -> None:
    out = io.StringIO()
    printer = rich.console.Console(file=out, width=width, highlight=False, color_system=None)
    printer.print(render(report, width=width))
    assert all(rich.console.Text(line.rstrip()).cell_len <= width for line in out.getvalue().split("\n"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", out.getvalue())


def test_markup_of_others_is_text() -> None:
    out = io.StringIO()
    deliver(console(out, color="always"), gpu_report(title="[red]not markup[/red] :boom: \x1b[2J"))
    assert "[red]not markup[/red] :boom: [2J" in out.getvalue()


def test_only_what_is_new_is_printed() -> None:
    out = io.StringIO()
    sink = console(out)
    report = gpu_report()
    receipt = deliver(sink, report)
    size = len(out.getvalue())
    receipt = deliver(sink, gpu_report(revision=2, incident={"events": 99}), receipt)
    assert len(out.getvalue()) == size
    worse = gpu_report(revision=3, incident={"severity": Severity.SEV1, "severity_reason": "8 jobs"})
    receipt = deliver(sink, worse, receipt)
    added = out.getvalue()[size:]
    assert (
        added == "  SEV1  inc-4k2jx7qa r3 GPU 3 of gpu-n17 fell off the bus (Xid 79): severity SEV2 → SEV1 (8 jobs)\n"
    )
    size = len(out.getvalue())
    over = gpu_report(revision=4, created_at=report.created_at + timedelta(minutes=42))
    receipt = deliver(sink, over, receipt, visible=Visible.RESOLVED)
    assert "RESOLVED  inc-4k2jx7qa GPU 3 of gpu-n17 fell off the bus (Xid 79) after 42 min" in out.getvalue()[size:]


def test_another_leading_cause_is_printed_in_full() -> None:
    out = io.StringIO()
    sink = console(out)
    receipt = deliver(sink, gpu_report())
    other = Hypothesis.model_validate({"class": "psu", "title": "A power supply tripped", "probability": 0.9})
    deliver(sink, gpu_report(revision=2, hypotheses=(other,)), receipt)
    assert out.getvalue().count("where  ") == 2


def test_reports_of_several_incidents_do_not_interleave() -> None:
    class Slow(io.StringIO):
        """A reader that waits for a second writer to come in before it takes the first one's text."""

        met = False
        meeting = threading.Barrier(2)

        def write(self, text: str) -> int:
            try:
                self.meeting.wait(0.2)
                self.met = True
            except threading.BrokenBarrierError:
                pass
            return super().write(text)

    out = Slow()
    sink = console(out)
    many = [gpu_report(incident={"id": f"inc-{n}"}) for n in range(8)]

    async def all_at_once() -> None:
        await asyncio.gather(*(sink.deliver(order(report), report) for report in many))

    asyncio.run(all_at_once())
    assert not out.met
    assert len(out.getvalue().split("─" * 100)) == 9


def test_a_terminal_that_cannot_show_a_character_still_shows_the_report() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    asyncio.run(Console(Settings(), "http://x", stream).deliver(order(gpu_report()), gpu_report()))
    stream.flush()
    assert b"GPU 3 of gpu-n17" in raw.getvalue()


def test_a_closed_output_is_permanent() -> None:
    out = io.StringIO()
    out.close()
    with pytest.raises(Permanent, match="cannot be written"):
        deliver(console(out, color="never", width=80), gpu_report())


def test_an_owner_has_no_address_here() -> None:
    assert console(io.StringIO()).target(Owner(name="a", targets={"console": "x"})) == {}
