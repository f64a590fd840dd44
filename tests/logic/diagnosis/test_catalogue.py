"""Error codes as an expert reads them: the root, combinations, the device's own verdict, disagreement between authorities."""

from collections.abc import Callable

from responder.logic.diagnosis.catalogue import normal
from responder.model.diagnosis import Diagnosis

Ask = Callable[..., Diagnosis]

HEAD = "[Sun Mar  1 04:12:{:02d} 2026] NVRM: Xid (PCI:0000:3b:00): "


def log(*codes: str) -> str:
    return "\n".join(HEAD.format(number) + code for number, code in enumerate(codes))


CLEANUP = "45, pid=1203, name=python, Ch 00000008"
LOST = "79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."


def test_the_clean_up_is_not_the_root(ask: Ask) -> None:
    found = ask(log(CLEANUP, LOST), "node")
    assert found.hypotheses[0].class_ == "gpu.fallen_off_bus"
    assert found.facts["root_code"] == 79


def test_the_devices_own_verdict_wins(ask: Ask) -> None:
    found = ask(
        log(
            "119, pid=1, name=python, Timeout after 6s of waiting for RPC response from GPU4 GSP!",
            "154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)",
        ),
        "node",
    )
    assert found.hypotheses[0].class_ == "gpu.gsp_firmware"
    assert "reboot" in str(found.facts["recovery_action"]).lower()


def test_memory_error_with_and_without_a_spare_row(ask: Ask) -> None:
    dbe = "48, pid=1203, name=python, DBE (double bit error) on FB detected"
    spare = ask(log(dbe, "63, pid=1896, Row Remapper: New row marked for remapping, reset gpu to activate."), "node")
    failed = ask(log(dbe, "64, pid=1896, Row Remapper: Row remapping failure"), "node")
    assert spare.hypotheses[0].class_ == failed.hypotheses[0].class_ == "gpu.ecc_uncorrectable"
    assert "spare row" in spare.hypotheses[0].says
    assert "replacement" in failed.hypotheses[0].says


def test_a_page_fault_is_first_the_programs(ask: Ask) -> None:
    fault = "31, pid=88121, name=python, Ch 00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f2a_4c000000"
    assert (
        ask(log(fault, "43, pid=88121, name=python, Ch 00000008"), "node").hypotheses[0].class_ == "gpu.illegal_access"
    )


def test_disagreement_is_said(ask: Ask) -> None:
    assert ask(
        log("63, pid=1896, Row Remapper: New row marked for remapping, reset gpu to activate."), "node"
    ).facts.get("authorities_disagree")


def test_addresses_of_kernel_driver_and_tools_agree() -> None:
    assert normal("PCI:0000:3B:00") == normal("00000000:3b:00.0") == normal("0000:3b:00.0") == "0000:3b:00"
