"""One snapshot of this host's GPUs as JSON on stdout, then the end. Run as a child process by `nvml`: it may be killed at any time.

Each field stands alone: one that NVML refuses is a reason, never the end of the snapshot. NOT_SUPPORTED is "not there";
GPU_IS_LOST and RESET_REQUIRED are findings.
"""

import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson

FIELDS = (
    "name", "uuid", "serial", "pci.bus_id", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu",
    "temperature.gpu.slowdown", "temperature.gpu.shutdown", "temperature.headroom", "power.draw", "power.limit",
    "clocks.sm", "clocks.max.sm", "clocks_event_reasons.active", "clocks_event_reasons.names", "clocks_event_reasons.hw_thermal_slowdown",
    "clocks_event_reasons.hw_power_brake_slowdown", "clocks_event_reasons.sw_power_cap", "clocks_event_reasons.sw_thermal_slowdown",
    "clocks_event_reasons.hw_slowdown", "ecc.mode", "ecc.errors.uncorrected.volatile", "ecc.errors.corrected.volatile",
    "ecc.errors.uncorrected.aggregate", "remapped_rows.correctable", "remapped_rows.uncorrectable", "remapped_rows.pending",
    "remapped_rows.failure", "pcie.link.gen.current", "pcie.link.gen.max", "pcie.link.width.current", "pcie.link.width.max",
    "pcie.replay", "nvlink.active", "nvlink.inactive", "nvlink.errors", "mig.mode", "processes", "recovery_action",
)  # fmt: skip
"""What a skill may ask for. Names as in `nvidia-smi --help-query-gpu` where it has one."""

REASON_BITS = {
    "gpu_idle": 0x1, "applications_clocks_setting": 0x2, "sw_power_cap": 0x4, "hw_slowdown": 0x8, "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20, "hw_thermal_slowdown": 0x40, "hw_power_brake_slowdown": 0x80,
}  # fmt: skip
"""nvmlClocksEventReasons (nvml.h)."""

RECOVERY_ACTIONS = {
    0: "none",
    1: "reset GPU",
    2: "reboot node",
    3: "drain P2P",
    4: "drain and reset",
    5: "recover IMEX domain",
}
"""NVML_GPU_RECOVERY_ACTION_* (nvml.h, driver R570 and later)."""


def main() -> None:
    sys.stdout.buffer.write(orjson.dumps(snapshot()))


def snapshot() -> dict[str, Any]:
    """All GPUs, or an error with its reason."""
    import pynvml

    library = os.environ.get("RESPONDER_NVML_LIBRARY")
    if library:
        # pynvml offers no way to name the library; loading it first under its soname makes its own CDLL call find this one.
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {"error": {"reason": reason(error), "detail": str(error)}}
    try:
        count = pynvml.nvmlDeviceGetCount()
        gpus = [_gpu(pynvml, index) for index in range(count)]
        return {
            "at": time.time(),
            "driver": _text(pynvml.nvmlSystemGetDriverVersion()),
            "expected": count,
            "gpus": gpus,
        }
    except pynvml.NVMLError as error:
        return {"error": {"reason": reason(error), "detail": str(error)}}


def reason(error: Exception) -> str:
    """NVML's error as a Missing reason: `gpu_is_lost`, `not_supported`, `driver_mismatch`..."""
    import pynvml

    known = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no_driver",
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "no_driver",
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "driver_mismatch",
        pynvml.NVML_ERROR_NO_PERMISSION: "no_permission",
        pynvml.NVML_ERROR_NOT_SUPPORTED: "not_supported",
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "not_supported",
        pynvml.NVML_ERROR_GPU_IS_LOST: "gpu_is_lost",
        pynvml.NVML_ERROR_RESET_REQUIRED: "reset_required",
        pynvml.NVML_ERROR_TIMEOUT: "timeout",
        pynvml.NVML_ERROR_NOT_FOUND: "not_found",
        pynvml.NVML_ERROR_INSUFFICIENT_POWER: "insufficient_power",
        pynvml.NVML_ERROR_IRQ_ISSUE: "irq_issue",
        pynvml.NVML_ERROR_UNKNOWN: "unknown_error",
    }
    value = getattr(error, "value", None)
    return known.get(value, f"nvml_error_{value}") if value is not None else "failed"


def _gpu(nvml: Any, index: int) -> dict[str, Any]:
    out: dict[str, Any] = {"index": index, "fields": {}}
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
    except nvml.NVMLError as error:
        why = {"reason": reason(error), "detail": str(error)}
        out["lost"] = why["reason"] == "gpu_is_lost"
        out["fields"] = dict.fromkeys(FIELDS, why)
        return out
    for name, (unit, read) in _readers(nvml, handle).items():
        out["fields"][name] = _field(nvml, unit, read)
    out["uuid"] = out["fields"]["uuid"].get("value")
    out["lost"] = any(field.get("reason") == "gpu_is_lost" for field in out["fields"].values())
    return out


def _field(nvml: Any, unit: str, read: Callable[[], Any]) -> dict[str, Any]:
    try:
        value = read()
    except nvml.NVMLError as error:
        return {"reason": reason(error), "detail": str(error)}
    except (AttributeError, TypeError, ValueError, OSError) as error:
        return {"reason": "not_supported", "detail": f"{type(error).__name__}: {error}"}
    return {"value": value, "unit": unit}


def _readers(nvml: Any, h: Any) -> dict[str, tuple[str, Callable[[], Any]]]:
    def reasons() -> int:
        getter = (
            getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
            or nvml.nvmlDeviceGetCurrentClocksThrottleReasons
        )
        return int(getter(h))

    def bit(name: str) -> Callable[[], bool]:
        return lambda: bool(reasons() & REASON_BITS[name])

    def named_reasons() -> list[str]:
        active = reasons()
        return [name for name, one in REASON_BITS.items() if active & one]

    def threshold(kind: int) -> int:
        return int(nvml.nvmlDeviceGetTemperatureThreshold(h, kind))

    def temperature() -> int:
        return int(nvml.nvmlDeviceGetTemperature(h, nvml.NVML_TEMPERATURE_GPU))

    def ecc(kind: int, counter: int) -> int:
        return int(nvml.nvmlDeviceGetTotalEccErrors(h, kind, counter))

    def remapped(n: int) -> int:
        return int(nvml.nvmlDeviceGetRemappedRows(h)[n])

    def links(active: bool) -> int:
        count = 0
        for link in range(nvml.NVML_NVLINK_MAX_LINKS):
            try:
                state = nvml.nvmlDeviceGetNvLinkState(h, link)
            except nvml.NVMLError as error:
                if link == 0:
                    raise
                if getattr(error, "value", None) in (nvml.NVML_ERROR_INVALID_ARGUMENT, nvml.NVML_ERROR_NOT_SUPPORTED):
                    break  # past the last link
                raise
            count += bool(state) is active
        return count

    def link_errors() -> int:
        total = 0
        for link in range(nvml.NVML_NVLINK_MAX_LINKS):
            try:
                for counter in (nvml.NVML_NVLINK_ERROR_DL_REPLAY, nvml.NVML_NVLINK_ERROR_DL_RECOVERY,
                                nvml.NVML_NVLINK_ERROR_DL_CRC_FLIT, nvml.NVML_NVLINK_ERROR_DL_CRC_DATA):  # fmt: skip
                    total += int(nvml.nvmlDeviceGetNvLinkErrorCounter(h, link, counter))
            except nvml.NVMLError:
                if link == 0:
                    raise
                break
        return total

    def processes() -> int:
        return len(nvml.nvmlDeviceGetComputeRunningProcesses(h))

    def recovery() -> str:
        values = nvml.nvmlDeviceGetFieldValues(h, [nvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION])
        if values[0].nvmlReturn:
            raise nvml.NVMLError(values[0].nvmlReturn)
        number = int(values[0].value.uiVal)
        return RECOVERY_ACTIONS.get(number, str(number))

    slowdown, shutdown = nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN, nvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN
    fatal, corrected = nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED
    volatile, aggregate = nvml.NVML_VOLATILE_ECC, nvml.NVML_AGGREGATE_ECC
    return {
        "name": ("", lambda: _text(nvml.nvmlDeviceGetName(h))),
        "uuid": ("", lambda: _text(nvml.nvmlDeviceGetUUID(h))),
        "serial": ("", lambda: _text(nvml.nvmlDeviceGetSerial(h))),
        "pci.bus_id": ("", lambda: _text(nvml.nvmlDeviceGetPciInfo(h).busId)),
        "memory.total": ("bytes", lambda: int(nvml.nvmlDeviceGetMemoryInfo(h).total)),
        "memory.used": ("bytes", lambda: int(nvml.nvmlDeviceGetMemoryInfo(h).used)),
        "utilization.gpu": ("%", lambda: int(nvml.nvmlDeviceGetUtilizationRates(h).gpu)),
        "temperature.gpu": ("C", temperature),
        "temperature.gpu.slowdown": ("C", lambda: threshold(slowdown)),
        "temperature.gpu.shutdown": ("C", lambda: threshold(shutdown)),
        "temperature.headroom": ("C", lambda: threshold(slowdown) - temperature()),
        "power.draw": ("W", lambda: nvml.nvmlDeviceGetPowerUsage(h) / 1000),
        "power.limit": ("W", lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(h) / 1000),
        "clocks.sm": ("MHz", lambda: int(nvml.nvmlDeviceGetClockInfo(h, nvml.NVML_CLOCK_SM))),
        "clocks.max.sm": ("MHz", lambda: int(nvml.nvmlDeviceGetMaxClockInfo(h, nvml.NVML_CLOCK_SM))),
        "clocks_event_reasons.active": ("", reasons),
        "clocks_event_reasons.names": ("", named_reasons),
        "clocks_event_reasons.hw_thermal_slowdown": ("", bit("hw_thermal_slowdown")),
        "clocks_event_reasons.hw_power_brake_slowdown": ("", bit("hw_power_brake_slowdown")),
        "clocks_event_reasons.sw_power_cap": ("", bit("sw_power_cap")),
        "clocks_event_reasons.sw_thermal_slowdown": ("", bit("sw_thermal_slowdown")),
        "clocks_event_reasons.hw_slowdown": ("", bit("hw_slowdown")),
        "ecc.mode": ("", lambda: bool(nvml.nvmlDeviceGetEccMode(h)[0])),
        "ecc.errors.uncorrected.volatile": ("count", lambda: ecc(fatal, volatile)),
        "ecc.errors.corrected.volatile": ("count", lambda: ecc(corrected, volatile)),
        "ecc.errors.uncorrected.aggregate": ("count", lambda: ecc(fatal, aggregate)),
        "remapped_rows.correctable": ("count", lambda: remapped(0)),
        "remapped_rows.uncorrectable": ("count", lambda: remapped(1)),
        "remapped_rows.pending": ("", lambda: bool(remapped(2))),
        "remapped_rows.failure": ("", lambda: bool(remapped(3))),
        "pcie.link.gen.current": ("", lambda: int(nvml.nvmlDeviceGetCurrPcieLinkGeneration(h))),
        "pcie.link.gen.max": ("", lambda: int(nvml.nvmlDeviceGetMaxPcieLinkGeneration(h))),
        "pcie.link.width.current": ("lanes", lambda: int(nvml.nvmlDeviceGetCurrPcieLinkWidth(h))),
        "pcie.link.width.max": ("lanes", lambda: int(nvml.nvmlDeviceGetMaxPcieLinkWidth(h))),
        "pcie.replay": ("count", lambda: int(nvml.nvmlDeviceGetPcieReplayCounter(h))),
        "nvlink.active": ("links", lambda: links(True)),
        "nvlink.inactive": ("links", lambda: links(False)),
        "nvlink.errors": ("count", link_errors),
        "mig.mode": ("", lambda: bool(nvml.nvmlDeviceGetMigMode(h)[0])),
        "processes": ("count", processes),
        "recovery_action": ("", recovery),
    }


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
