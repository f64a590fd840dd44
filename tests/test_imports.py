"""Hiding a module from those who would import it if it were there."""

import importlib
import json
import subprocess
import sys

import pytest

from responder.imports import without


def test_a_hidden_module_cannot_be_imported_until_the_end() -> None:
    with without("wave"), pytest.raises(ImportError):
        importlib.import_module("wave")
    assert importlib.import_module("wave").__name__ == "wave"


def test_what_is_imported_already_stays() -> None:
    with without("json"):
        assert importlib.import_module("json") is json


def test_the_daemon_starts_without_what_it_does_not_use() -> None:
    """Each of these takes 40 to 80 ms of every start (bench/start.py)."""
    code = (
        "import sys, responder.cli, responder.wiring.daemon, responder.wiring.doors;"
        "print(*(name for name in ('rich', 'sqlalchemy.dialects.postgresql', 'aiokafka', 'slack_sdk', 'requests')"
        " if name in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split() == []
