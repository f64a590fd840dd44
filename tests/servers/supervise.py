"""Runs one shell line and ends it when standard input is closed, that is when whoever started it is gone.

Stands alone (run with `python -I`): no import of the project.
"""

import os
import select
import signal
import subprocess
import sys

KILL_AFTER_S = 15.0


def main(arguments: list[str]) -> int:
    user = None
    if arguments[:1] == ["--user"]:
        user, arguments = arguments[1], arguments[2:]
    _, line = arguments
    if os.geteuid() != 0:
        user = None  # we cannot become another user, and need not
    server = subprocess.Popen(
        ["/bin/sh", "-c", line],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
    ended = os.pidfd_open(server.pid)
    readable, _, _ = select.select([sys.stdin, ended], [], [])
    if ended not in readable:
        # The whole group: a shell that has not yet reached its `exec` has children of its own.
        os.killpg(server.pid, signal.SIGTERM)
        if not select.select([ended], [], [], KILL_AFTER_S)[0]:
            os.killpg(server.pid, signal.SIGKILL)
    return server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
