"""What the doors see of the daemon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from responder import __version__
from responder.model.report import Report
from responder.model.silence import Silence
from responder.model.skill import SkillEntry, TaxonomyClass
from responder.pipeline.enrich import Enrich
from responder.pipeline.explain import explain_event
from responder.wiring.oneoff import triage_once
from responder.wiring.schemas import schema

if TYPE_CHECKING:
    from responder.wiring.daemon import Daemon


@dataclass(frozen=True, slots=True)
class DaemonDesk:
    """A view on a running daemon."""

    daemon: "Daemon"

    @property
    def store(self) -> Any:
        return self.daemon.store

    @property
    def clock(self) -> Any:
        return self.daemon.clock

    @property
    def intake(self) -> Any:
        return self.daemon.engine.ingest

    @property
    def operations(self) -> Any:
        return self.daemon.engine.operate

    @property
    def base_url(self) -> str:
        return self.daemon.shelf.book.base_url

    @property
    def version(self) -> str:
        return __version__

    async def explain(self, event_id: str) -> Mapping[str, Any] | None:
        book = self.daemon.shelf.book
        found: Mapping[str, Any] | None = await self.daemon.store.read(lambda tx: explain_event(tx, event_id, book))
        return found

    async def triage_text(self, text: str, kind: str | None) -> Report:
        answers = Enrich(self.daemon.enrichers)
        reports = await triage_once(self.daemon.shelf.book, text.encode(), kind=kind, answers=answers)
        return reports[0]

    def skills(self) -> Sequence[SkillEntry]:
        return tuple(self.daemon.shelf.book.knowledge.registry.values())

    def taxonomy(self) -> Mapping[str, TaxonomyClass]:
        return self.daemon.shelf.book.knowledge.taxonomy

    def skill_files(self, name: str) -> Mapping[str, str]:
        from responder.wiring.knowledge import skill_texts

        return skill_texts(self.daemon.loaded, name)

    def silences(self) -> Sequence[Silence]:
        return self.daemon.shelf.book.silences

    def role(self, user: str) -> str:
        roles = self.daemon.loaded.config.roles
        return roles.get(user) or roles.get("default") or "viewer"

    def ready(self) -> Mapping[str, str | None]:
        out: dict[str, str | None] = {"store": None, "rules": self.daemon.reload_error}
        out |= {source.name: source.ready() for source in self.daemon.sources}
        return out

    def schema(self, name: str) -> Mapping[str, Any] | None:
        return schema(name)
