"""NVML: the GPUs of this very host, read in a child process that can be killed.

A hung GSP blocks a thread of NVML for ever, so nothing of it runs inside the daemon: `_nvml_probe` takes one snapshot of all GPUs
and ends. Answers only for this host's own GPUs: a question about another node or another UUID is Missing("not_this_node").
Queries have the names of `nvidia-smi --query-gpu` where there is one (`pcie.link.width.current`), see `_nvml_probe.FIELDS`.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from responder.duration import Duration, parse_duration
from responder.logic.question import question_key
from responder.model.evidence import Ask, Missing, Reading
from responder.model.value import Value
from responder.ports import Context

DESCRIPTION = "NVML: this host's own GPUs (ECC, remapped rows, throttling, PCIe, NVLink, processes)"

IDLE = frozenset({"gpu_idle"})
"""A clock event reason that every card has that does nothing."""


class Settings(Value):
    """`enrichers.nvml`."""

    timeout: Duration = parse_duration("5s")
    """After this the snapshot's process is killed: NVML blocks for seconds when the GSP hangs."""
    reuse: Duration = parse_duration("2s")
    """How old a snapshot may be to answer the next question of the same incident."""
    hostnames: tuple[str, ...] = ()
    """Further names under which alerts may know this host."""
    library: str | None = None
    """Path of libnvidia-ml.so.1, where it is not found by itself (containers)."""
    base_url: None = None
    """Unused: NVML is no network service."""


def create(settings: Settings, context: Context) -> "Nvml":
    return Nvml(settings)


class Nvml:
    """The enricher. Questions that come together share one snapshot."""

    name = "nvml"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        host = socket.gethostname()
        self._names = {host.lower(), host.partition(".")[0].lower(), *(name.lower() for name in settings.hostnames)}
        self._snapshot: dict[str, Any] | None = None
        self._taken = 0.0
        self._lock = asyncio.Lock()

    def key(self, ask: Ask) -> str:
        return question_key(ask)

    async def read(self, ask: Ask) -> Reading | Missing:
        need = ask.need
        if not isinstance(need.query, str):
            return Missing(
                need=need.name, reason="bad_query", detail="name a field, for example pcie.link.width.current"
            )
        nodes = ask.variables.get("node", ())
        if nodes and not any(self._is_here(node) for node in nodes):
            return Missing(need=need.name, reason="not_this_node", detail=f"this host is not {nodes[0]}")
        try:
            async with asyncio.timeout(need.within.total_seconds()):
                taken = await self._shared_snapshot()
        except TimeoutError:
            return Missing(need=need.name, reason="timeout", detail=f"NVML did not answer within {need.within}")
        return _answer(ask, taken)

    def _is_here(self, node: str) -> bool:
        return node.lower() in self._names or node.partition(".")[0].lower() in self._names

    async def _shared_snapshot(self) -> dict[str, Any]:
        async with self._lock:
            if self._snapshot is None or time.monotonic() - self._taken > self._settings.reuse.total_seconds():
                self._snapshot = await probe(self._settings.timeout.total_seconds(), self._settings.library)
                self._taken = time.monotonic()
            return self._snapshot

    async def check(self) -> str | None:
        taken = await probe(self._settings.timeout.total_seconds(), self._settings.library)
        problem = taken.get("error")
        return f"NVML: {problem['reason']}: {problem['detail']}" if problem else None

    async def close(self) -> None:
        return None


async def probe(timeout_s: float, library: str | None = None) -> dict[str, Any]:
    """A snapshot of all GPUs, or `{"error": {"reason", "detail"}}`. Never raises, never outlives `timeout_s`."""
    environment = dict(os.environ)
    if library:
        environment["RESPONDER_NVML_LIBRARY"] = library
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "responder.enrichers._nvml_probe",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await child.communicate()
        found: dict[str, Any] = orjson.loads(out)
        return found
    except TimeoutError:
        return {
            "error": {
                "reason": "timeout",
                "detail": f"NVML hung for {timeout_s:g} s (a hung GSP does that); it was killed",
            }
        }
    except orjson.JSONDecodeError:
        return {"error": {"reason": "failed", "detail": f"the NVML process ended with status {child.returncode}"}}
    finally:
        if child.returncode is None:
            await _kill(child)


async def _kill(child: asyncio.subprocess.Process) -> None:
    """SIGKILL to the whole session. A process in uninterruptible sleep stays until the driver lets go: not waited for."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await child.wait()


def _answer(ask: Ask, taken: Mapping[str, Any]) -> Reading | Missing:
    need = ask.need
    problem = taken.get("error")
    if problem:
        return Missing(need=need.name, reason=problem["reason"], detail=problem["detail"])
    gpus: list[dict[str, Any]] = taken["gpus"]
    wanted = set(ask.variables.get("gpu", ()))
    indexes = set(ask.variables.get("gpu_index", ())) if not wanted else set()
    chosen = [gpu for gpu in gpus if gpu.get("uuid") in wanted or str(gpu["index"]) in indexes]
    if wanted and not chosen:
        lost = [gpu for gpu in gpus if gpu.get("lost")]
        if lost or len(gpus) < taken.get("expected", len(gpus)):
            return Missing(need=need.name, reason="gpu_is_lost", detail=f"no GPU here answers as {min(wanted)}")
        return Missing(need=need.name, reason="not_this_node", detail=f"no GPU of this host has UUID {min(wanted)}")
    chosen = chosen or gpus
    query = str(need.query)
    values: list[tuple[dict[str, Any], dict[str, Any]]] = []
    missing: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for gpu in chosen:
        field = gpu["fields"].get(query)
        if field is None:
            return Missing(need=need.name, reason="bad_query", detail=f"no field {query}")
        (values if "value" in field else missing).append((gpu, field))
    if not values:
        first = missing[0][1]
        return Missing(need=need.name, reason=first["reason"], detail=first.get("detail", ""), query=query)
    gpu, field = values[0] if len(values) == 1 else _worst(values)
    where = gpu.get("uuid") or f"GPU {gpu['index']}"
    unit = need.unit or field.get("unit", "")
    return Reading(
        need=need.name,
        value=field["value"],
        unit=unit,
        statement=f"{query} of {where} is {_said(field['value'])} {unit}".rstrip(),
        observed_at=datetime.fromtimestamp(taken["at"], UTC),
        query=query,
    )


def _said(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _worst(values: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of several GPUs the one with the largest number (or the first flag that is set, or the most reasons to slow down)."""
    if all(isinstance(f["value"], list) for _, f in values):
        return max(values, key=lambda pair: len(set(pair[1]["value"]) - IDLE))
    numeric = [(g, f) for g, f in values if isinstance(f["value"], int | float)]
    return max(numeric, key=lambda pair: pair[1]["value"]) if numeric else values[0]
