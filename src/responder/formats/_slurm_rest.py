"""Jobs as slurmrestd and `sacct --json` list them, rewritten to the fields of a jobcomp record.

Field names: Slurm data_parser plugins v0.0.40 to v0.0.46 (openapi.json: `v0.0.4x_job_info` of slurmctld, `v0.0.4x_job` of
slurmdbd). Numbers come bare or as {"set": true, "infinite": false, "number": 7}.
"""

from typing import Any

_UNENDED = frozenset(
    {"PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "RESIZING", "COMPLETING", "STAGE_OUT", "SIGNALING"}
)


def as_record(job: dict[str, Any]) -> dict[str, Any]:
    """A job of either list as one jobcomp record; what it lacks is left out."""
    times = _object(job, "time")
    states, reason = _states(job)
    over = bool(states) and not _UNENDED.intersection(states)
    tres = _object(job, "tres")
    record = {
        "jobid": job.get("job_id"),
        "job_name": job.get("name"),
        "cluster": job.get("cluster"),
        "username": job.get("user_name") or job.get("user"),
        "account": job.get("account"),
        "partition": job.get("partition"),
        "qos": job.get("qos"),
        "nodes": job.get("nodes"),
        "failed_node": job.get("failed_node"),
        "state": ",".join(states),
        "state_reason": reason,
        "exit_code": _exit(job.get("exit_code")),
        "derived_ec": _exit(job.get("derived_exit_code")),
        "tres_alloc": job.get("tres_alloc_str") or _tres(tres.get("allocated")),
        "@submit": number(job.get("submit_time", times.get("submission"))),
        "@start": number(job.get("start_time", times.get("start"))),
        "@end": number(job.get("end_time", times.get("end"))) if over else None,
        "log": job.get("log"),
        "logs": job.get("logs"),
    }
    return {name: value for name, value in record.items() if value not in (None, "")}


def number(value: Any) -> Any:
    """A number in Slurm's wrapping; None when it is not set or infinite. Other values come back as they are."""
    if isinstance(value, dict):
        return value.get("number") if value.get("set") and not value.get("infinite") else None
    return value


def _object(value: dict[str, Any], key: str) -> dict[str, Any]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}


def _states(job: dict[str, Any]) -> tuple[list[str], Any]:
    state, reason = job.get("job_state", job.get("state")), job.get("state_reason")
    if isinstance(state, dict):
        reason = state.get("reason")
        state = state.get("current")
    listed = state if isinstance(state, list) else [state]
    return [one for one in listed if type(one) is str], reason


def _exit(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    signal = _object(value, "signal")
    killed = number(signal.get("id", signal.get("signal_id")))
    returned = number(value.get("return_code"))
    if returned is None and killed is None:
        return None
    return f"{returned if type(returned) is int else 0}:{killed if type(killed) is int else 0}"


def _tres(value: Any) -> str | None:
    """[{"type": "gres", "name": "gpu:h100", "count": 8}] as gres/gpu:h100=8."""
    if type(value) is not list:
        return None
    parts = []
    for one in value[:64]:
        if type(one) is dict and type(one.get("type")) is str and type(one.get("count")) is int:
            name = one.get("name")
            parts.append(f"{one['type']}{f'/{name}' if type(name) is str and name else ''}={one['count']}")
    return ",".join(parts)
