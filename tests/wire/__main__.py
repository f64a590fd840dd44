"""The stand-ins as a process: `python -m tests.wire --slack-port 9001 --pagerduty-port 9002`; port 0 picks a free one.

Prints one JSON line with the base URLs when they serve, then serves until it is terminated. `--slack-faults` takes a
JSON list, so that a crash test can have 500s after effect from the first call on.
"""

import argparse
import json
import signal
import threading
from contextlib import ExitStack

from tests.wire.faults import Fault
from tests.wire.pagerduty import PagerDutyWire
from tests.wire.slack import SlackWire


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wire", description=__doc__)
    parser.add_argument("--slack-port", type=int, help="serve Slack here")
    parser.add_argument("--pagerduty-port", type=int, help="serve PagerDuty here")
    parser.add_argument("--unlimited", action="store_true", help="no rate limits")
    parser.add_argument("--slack-faults", type=json.loads, default=[], help="JSON list of faults")
    parser.add_argument("--pagerduty-faults", type=json.loads, default=[], help="JSON list of faults")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        urls = {}
        if options.slack_port is not None:
            slack = SlackWire(rate=None) if options.unlimited else SlackWire()
            slack.faults.plan(*(Fault.read(raw) for raw in options.slack_faults))
            urls["slack"] = stack.enter_context(slack.serve(options.slack_port)).base_url
        if options.pagerduty_port is not None:
            pagerduty = PagerDutyWire(rate=None) if options.unlimited else PagerDutyWire()
            pagerduty.faults.plan(*(Fault.read(raw) for raw in options.pagerduty_faults))
            urls["pagerduty"] = stack.enter_context(pagerduty.serve(options.pagerduty_port)).base_url
        print(json.dumps(urls), flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
