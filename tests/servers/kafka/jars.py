"""The broker's jars: which version, where they lie, how they come (Maven, from pom.xml beside this file)."""

import re
import subprocess
from pathlib import Path

from tests.servers.machine import CACHE, require_program
from tests.servers.process import ServerError

PACKAGE = "maven"
POM = Path(__file__).with_name("pom.xml")
VERSION = re.findall(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)</version>", POM.read_text())[0]
FOLDER = CACHE / f"kafka-{VERSION}"
MAIN_JAR = FOLDER / f"kafka_2.13-{VERSION}.jar"
WITHIN_S = 540


def class_path() -> str:
    """For `java -cp`; a `ServerError` where the jars have not been fetched."""
    if not MAIN_JAR.exists():
        raise ServerError(
            f"Kafka {VERSION} is not here: run `make servers` (needs Maven), or set RESPONDER_TEST_KAFKA."
        )
    return f"{FOLDER}/*"


def fetch() -> None:
    """Resolves the jars with Maven into the cache; a second time does nothing."""
    if MAIN_JAR.exists():
        return
    maven = require_program(("mvn",), PACKAGE)
    partial = FOLDER.with_suffix(".partial")
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    argv = [str(maven), "-q", "-B", "-f", str(POM), *copy]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=WITHIN_S)
    if done.returncode != 0:
        raise ServerError(f"Maven could not fetch Kafka {VERSION}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    partial.rename(FOLDER)
