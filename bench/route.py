"""What routing costs per event, with the shipped packs among 10, 1,000 and 10,000 rules.

Two streams: `recurring` draws from some hundred alert names, as a cluster's alerts do; `fresh` never repeats a name or a
node, so that no memory of earlier answers helps. The added rules are of four shapes: equality, alternation, a pattern with
a literal, a pattern without one (those few per thousand, as in real rule sets). Microseconds per event, one line per number of rules.
"""

import random
import time

from bench.measuring import say
from responder.library.paths import builtin
from responder.library.rules import load_rules
from responder.logic.match import parse_condition
from responder.logic.route import Router
from responder.model.rule import Rule, RuleSet

EVENTS = 20_000
NAMES = (
    "GPUFellOffBus",
    "KubeNodeNotReady",
    "NodeFilesystemAlmostOutOfSpace",
    "VLLMHighQueueWait",
    "KubePodCrashLooping",
    "TargetDown",
    "NcclTimeout",
    "SlurmNodeDown",
    "PrometheusRuleFailures",
    "CephOSDDown",
    "HostHighCpuLoad",
    "KubeJobFailed",
    "DataDriftDetected",
    "Odd",
    "InfiniBandErrors",
    "LiteLLMHighErrorRate",
    "GPUIdleWaste",
    "KueueHighPending",
    "KafkaConsumerGroupLag",
    "Watchdog",
)


def shaped(n: int) -> str:
    if n % 200 == 0:
        return f'host=~"[a-f]+[0-9]{{{n % 9 + 1}}}x"'
    return (
        f'alertname="Team{n}Alert", severity="critical"',
        f'alertname=~"Team{n}Down|Team{n}Slow"',
        f'alertname=~"(?i).*team{n}x.*", severity=~"critical|page"',
        f'team="t{n}", env!="staging"',
    )[n % 4]


def router(count: int) -> Router:
    shipped = load_rules([builtin("rules")]).rules
    added = [
        Rule(name=f"own-{n}", match=parse_condition(shaped(n)), skill="s") for n in range(max(0, count - len(shipped)))
    ]
    return Router(RuleSet(rules=(*added, *shipped) if count > 10 else shipped[:9] + shipped[-1:], version="bench"))


def stream(count: int, *, fresh: bool) -> list[dict[str, str]]:
    draw = random.Random(7)
    events = []
    for n in range(count):
        name = draw.choice(NAMES) + (f"_{n}" if fresh else str(draw.randrange(15)))
        node = f"gpu-{n if fresh else draw.randrange(500):05d}"
        severity = draw.choice(("critical", "warning", "info"))
        labels = {"alertname": name, "severity": severity, "node": node, "cluster": "a", "namespace": "ml", "job": "x"}
        own = {"format": "alertmanager", "kind": "node", "status": "firing", "alert_severity": severity, "source": "am"}
        events.append({**labels, "instance": f"{node}:9100", "team": f"t{n % 900}", "host": node, **own})
    return events


def microseconds(routed: Router, events: list[dict[str, str]]) -> float:
    started = time.perf_counter()
    for labels in events:
        routed.route(labels)
    return (time.perf_counter() - started) / len(events) * 1e6


def main() -> None:
    for rules in (10, 100, 1_000, 10_000):
        started = time.perf_counter()
        routed = router(rules)
        built = time.perf_counter() - started
        recurring = stream(EVENTS, fresh=False)
        microseconds(routed, recurring[:5_000])
        say(
            bench="route",
            rules=len(routed.rules),
            build_s=built,
            recurring_us=min(microseconds(routed, recurring) for _ in range(3)),
            fresh_us=microseconds(routed, stream(EVENTS, fresh=True)),
            linear_us=microseconds_linear(routed, recurring[:50]),
        )


def microseconds_linear(routed: Router, events: list[dict[str, str]]) -> float:
    """For comparison: every rule in turn."""
    tests = routed.tests
    started = time.perf_counter()
    for labels in events:
        next((rule for rule, test in zip(routed.rules, tests, strict=True) if test(labels)), None)
    return (time.perf_counter() - started) / len(events) * 1e6


if __name__ == "__main__":
    main()
