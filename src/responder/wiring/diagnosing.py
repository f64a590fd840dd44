"""Runs a skill on a case: in place when small, in a worker process when the logs are large.

In place means on the event loop, one at a time: when a storm makes many incidents due at once, intake gets its turn after each
diagnosis instead of after all of them.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from responder.library.skills import load_skills
from responder.logic.diagnosis import diagnose
from responder.model.diagnosis import Case, Diagnosis
from responder.model.skill import Skill
from responder.pipeline.playbook import Playbook
from responder.runtime.offload import Worker

IN_PLACE = 128 * 1024
"""Characters of log that are diagnosed on the loop: some milliseconds; more would stall intake."""

_library: list[object] = []


def _setup(folders: Sequence[Path]) -> None:
    _library[:] = [load_skills(list(folders))]


def _work(case: Case, skill_name: str) -> Diagnosis:
    library = _library[0]
    return diagnose(case, library.skills[skill_name], library.knowledge, watch=time.perf_counter)  # type: ignore[attr-defined]


class Diagnosing:
    """A `Diagnoser` over the current playbook. The worker reads the same folders; a reload starts a fresh one."""

    def __init__(self, book: Callable[[], Playbook], folders: Sequence[Path] = ()) -> None:
        self._book = book
        self._folders = tuple(folders)
        self._worker: Worker | None = None
        self._worker_version = ""
        self._in_place = asyncio.Lock()

    async def __call__(self, case: Case, skill: Skill) -> Diagnosis:
        book = self._book()
        size = len(case.text) + sum(len(part.text) for event in case.events for part in event.logs)
        if size <= IN_PLACE or not self._folders:
            async with self._in_place:
                await asyncio.sleep(0)  # whatever became ready during the one before
                return diagnose(case, skill, book.knowledge, watch=time.perf_counter)
        if self._worker is None or self._worker_version != book.skills_version:
            self.close()
            self._worker, self._worker_version = Worker(_setup, (self._folders,)), book.skills_version
        return await self._worker.run(_work, case, skill.name)

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None
