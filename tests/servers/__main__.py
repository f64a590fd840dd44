"""`make servers`: installs what the real-server tests lack on this machine. Does nothing where all is there.

Debian packages need root and apt-get; otherwise the command to run is printed. Kafka's jars come by Maven, for anyone.
"""

import os
import shutil
import subprocess
import sys

from tests.servers import alertmanager, chromium, kafka, postgres, prometheus
from tests.servers.container import engine_answers
from tests.servers.machine import find_program
from tests.servers.process import ServerError


def missing_packages() -> list[str]:
    """Debian's names of what is neither here, nor named in the environment, nor to be had from a Docker engine."""
    wanted: list[tuple[str, str, tuple[str, ...], str]] = [
        (chromium.PACKAGE, "RESPONDER_TEST_CHROMIUM", chromium.PROGRAMS, ""),
        ("openssl", "", ("openssl",), ""),
    ]
    if not engine_answers():
        # Tests bring configurations of their own to Prometheus and Alertmanager: an address alone does not serve them.
        wanted += [
            (postgres.PACKAGE, "RESPONDER_TEST_POSTGRES", ("initdb",), postgres.FOLDERS),
            (prometheus.PACKAGE, "", ("prometheus",), ""),
            (alertmanager.PACKAGE, "", alertmanager.PROGRAMS, ""),
            (kafka.PACKAGE, "RESPONDER_TEST_KAFKA", ("java",), ""),
        ]
        if not kafka.jars.MAIN_JAR.exists():
            wanted.append((kafka.jars.PACKAGE, "RESPONDER_TEST_KAFKA", ("mvn",), ""))
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # Not servers but checkers, for the tests of deploy/: where they cannot be installed, those tests are skipped.
        wanted += [
            ("shellcheck", "", ("shellcheck",), ""),
            ("systemd", "", ("systemd-analyze",), ""),
            (prometheus.PACKAGE, "", ("promtool",), ""),
            (alertmanager.PACKAGE, "", ("amtool",), ""),
        ]
    missing = [
        package
        for package, variable, programs, folders in wanted
        if not os.environ.get(variable) and find_program(programs, folders) is None
    ]
    return list(dict.fromkeys(missing))


def main() -> int:
    missing = missing_packages()
    if missing:
        install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            print(f"servers: not installed: {', '.join(missing)}. On Debian: sudo {' '.join(install)}", file=sys.stderr)
            print("servers: or start a Docker engine, or name running servers: RESPONDER_TEST_...", file=sys.stderr)
            return 1
        print(f"servers: installing {', '.join(missing)}", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=True)
        subprocess.run([install[0], "-qq", *install[1:]], env=quiet, check=True, stdout=subprocess.DEVNULL)
    if not engine_answers() and not os.environ.get("RESPONDER_TEST_KAFKA"):
        try:
            kafka.jars.fetch()
        except ServerError as error:
            print(f"servers: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
