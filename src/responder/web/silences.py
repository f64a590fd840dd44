"""Silences as the doors show them: those that people added, in the store, and those of the configuration."""

from responder.errors import InputError
from responder.model.silence import Silence
from responder.ports import Desk
from responder.web.actors import Actor


async def listed(desk: Desk, *, active: bool) -> list[Silence]:
    """The one that lasts longest first. `active`: only those that hold now."""
    now = desk.clock.now()
    added = await desk.store.read(lambda tx: tx.silences(now if active else None))
    configured = [one for one in desk.silences() if not active or one.active_at(now)]
    return sorted((*added, *configured), key=lambda one: one.ends_at, reverse=True)


async def end(desk: Desk, id: str, actor: Actor, via: str) -> Silence:
    """End it now. Raises NotFound, or InputError for one of the configuration, where only an editor can end it."""
    if any(one.id == id for one in desk.silences()):
        raise InputError(f"{id} comes from the configuration: take it out of the file, or change its end")
    return await desk.operations.expire_silence(id, actor.name, via)
