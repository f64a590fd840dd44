"""Logs and metrics of the daemon itself. Logs go to stderr: stdout belongs to what a command prints.

A metric is declared here once and used where the thing happens; whatever can drop, delay or silence counts it with a reason.
"""

import logging
import sys
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from responder.imports import without

with without("rich"):  # structlog would draw tracebacks with it; ours stay plain lines
    import structlog

EVENTS = Counter("responder_events_total", "Events taken in, by what became of them.", ["format", "disposition"])
QUARANTINED = Counter("responder_quarantined_total", "What could not be used, by stage.", ["format", "stage"])
INCIDENTS = Counter("responder_incidents_total", "Incidents opened, reopened and resolved.", ["rule", "transition"])
OPEN = Gauge("responder_incidents_open", "Unresolved incidents.", ["severity"])
REPORTS = Counter("responder_reports_total", "Reports made, by verdict.", ["skill", "verdict"])
CHECKS = Counter("responder_report_checks_failed_total", "Self-checks of reports that failed.", ["check"])
SENDS = Counter("responder_sends_total", "Decisions to send or not, by their named reason.", ["sink", "sent", "reason"])
SEND_ERRORS = Counter("responder_send_errors_total", "Failed deliveries.", ["sink", "kind"])
SINK_FAILING = Gauge("responder_sink_failing", "1 while deliveries to a sink fail.", ["sink"])
STAGE_SECONDS = Histogram(
    "responder_stage_seconds",
    "How long a stage took.",
    ["stage"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REPORT_SECONDS = Histogram(
    "responder_first_report_seconds",
    "From the arrival of an incident's first event to its first report being visible, group_wait included.",
    ["sink"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 900),
)
MISSING = Counter("responder_missing_evidence_total", "Needs that got no answer, by reason.", ["enricher", "reason"])
RELOADS = Counter("responder_reloads_total", "Reloads of rules, skills and configuration.", ["what", "result"])
TIMER_LAG = Histogram(
    "responder_timer_lag_seconds",
    "How late due work was picked up.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120),
)
QUEUE = Gauge("responder_intake_waiting", "Messages that wait for the next commit.")
NOT_STORED = Counter(
    "responder_not_stored_total", "Messages that could not be stored; their senders were told to try again."
)
READY = Gauge("responder_ready", "1 while a part (store, rules, each source) is ready, as /readyz says.", ["part"])


def log(name: str) -> Any:
    """A structured logger. Typed Any because structlog's bound loggers are duck-typed."""
    return structlog.get_logger(name)


def configure_logging(*, json: bool, level: str = "info") -> None:
    """Send logs to stderr: JSON lines for machines, a readable form for a terminal."""
    numeric = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        stream=sys.stderr, level=max(numeric, logging.WARNING), format="%(levelname)s %(name)s: %(message)s"
    )
