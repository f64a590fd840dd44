"""The shipped knowledge, read once, and short ways to ask it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from responder.library.evaluate import ANY
from responder.library.skills import Library, load_skills
from responder.logic.diagnosis import Knowledge, diagnose
from responder.model.diagnosis import Case, Diagnosis

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SKILLS = Path(__file__).resolve().parents[3] / "skills"

Ask = Callable[..., Diagnosis]


@pytest.fixture(scope="session")
def library() -> Library:
    return load_skills([SKILLS])


@pytest.fixture(scope="session")
def knowledge(library: Library) -> Knowledge:
    return library.knowledge


@pytest.fixture(scope="session")
def ask(knowledge: Knowledge) -> Ask:
    def asked(text: str, kind: str = "training_job", **more: object) -> Diagnosis:
        return diagnose(Case(kind=kind, text=text, at=AT, **more), ANY, knowledge)  # type: ignore[arg-type]

    return asked
