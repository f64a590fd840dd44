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


def test_the_earliest_that_is_no_clean_up_is_the_root(ask: Ask) -> None:
    link = "74, pid=4021, name=python, NVLink: fatal error detected on link 3(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)"
    assert ask(log(CLEANUP, link, LOST), "node").facts["root_code"] == 74
    assert ask(log(CLEANUP, LOST, link), "node").facts["root_code"] == 79


def test_what_stands_more_than_a_minute_before_is_another_fault(ask: Ask) -> None:
    old = "[Sun Mar  1 02:30:00 2026] NVRM: Xid (PCI:0000:3b:00): 13, pid=77, name=python, Graphics Exception"
    found = ask(f"{old}\n{log(CLEANUP, LOST)}", "node")
    assert found.facts["root_code"] == 79
    near = old.replace("02:30:00", "04:11:30")
    assert ask(f"{near}\n{log(CLEANUP, LOST)}", "node").facts["root_code"] == 13
    another = old.replace("3b:00", "5d:00").replace("02:30:00", "04:11:59")  # another card has a root of its own
    assert {79, 13} >= {ask(f"{another}\n{log(LOST)}", "node").facts["root_code"]}


def test_a_monitor_that_asked_hung_firmware_is_its_victim(ask: Ask) -> None:
    rpc = "Timeout after 6s of waiting for RPC response from GPU4 GSP! Expected function 103 (GSP_RM_ALLOC)"
    for code in (119, 120):
        watched = ask(log(f"{code}, pid=2024380, name=nvidia-smi, {rpc}"), "node").hypotheses[0]
        assert watched.class_ == "gpu.gsp_firmware"
        assert "it is the victim" in watched.says
    assert "victim" not in ask(log(f"119, pid=2024380, name=python, {rpc}"), "node").hypotheses[0].says


def test_links_of_the_fifth_generation_are_decoded_from_the_message(ask: Ask) -> None:
    fatal = ask(log("149, NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6 0x00000000 0x00000000 0x00000000)"), "node")
    harmless = ask(log("145, RLW_REMAP Nonfatal XC1 i0 Link -1 (0x00000004 0x80000000 0x00000000 0x00000000)"), "node")
    first, mild = fatal.hypotheses[0], harmless.hypotheses[0]
    assert (first.class_, fatal.verdict.value) == ("gpu.nvlink_error", "diagnosed")
    assert any("other end of the link" in step.do for step in first.next_steps)
    assert not any("other end of the link" in step.do for step in mild.next_steps)
    assert mild.probability < first.probability


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


LINK = "74, pid=4021, name=python, NVLink: fatal error detected on link 3(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)"


def test_one_code_on_both_ends_of_a_link_is_the_links(ask: Ask) -> None:
    one = log(LINK)
    both = f"{one}\n{one.replace('3b:00', '5d:00')}"
    three = f"{both}\n{one.replace('3b:00', '9c:00')}"
    assert [("Both ends" in ask(text, "node").hypotheses[0].says) for text in (one, both, three)] == [
        False,
        True,
        False,
    ]


def test_a_switch_that_speaks_at_the_same_time_is_where_to_begin(ask: Ask) -> None:
    switch = "[Sun Mar  1 04:{}:00 2026] nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 27 egress non-posted PRIV error"
    assert "switch" in ask(f"{switch.format(12)}\n{log(LINK)}", "node").hypotheses[0].says
    assert "start at the switch" not in ask(f"{switch.format('02')}\n{log(LINK)}", "node").hypotheses[0].says


def test_a_lost_card_with_bus_errors_is_the_platforms(ask: Ask) -> None:
    bus = "[Sun Mar  1 04:12:00 2026] pcieport 0000:3a:01.0: AER: Uncorrected (Fatal) error message received from 0000:3b:00.0"
    assert "platform" in ask(f"{bus}\n{log(LOST)}", "node").hypotheses[0].says
    assert "platform" not in ask(log(LOST), "node").hypotheses[0].says


def test_firmware_that_hangs_on_many_nodes_is_a_bug_of_its_version(ask: Ask) -> None:
    line = "Mar  1 04:12:0{0} gpu-0{0} kernel: NVRM: Xid (PCI:0000:3b:00): 119, pid=77, name=python, Timeout after 6s of waiting for RPC"
    says = [
        ask("\n".join(line.format(node) for node in range(1, count + 1)), "node").hypotheses[0].says for count in (2, 3)
    ]
    assert ["several nodes" in one for one in says] == [False, True]


def test_a_page_fault_is_first_the_programs(ask: Ask) -> None:
    fault = "31, pid=88121, name=python, Ch 00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f2a_4c000000"
    assert (
        ask(log(fault, "43, pid=88121, name=python, Ch 00000008"), "node").hypotheses[0].class_ == "gpu.illegal_access"
    )


def test_disagreement_is_said(ask: Ask) -> None:
    assert ask(
        log("63, pid=1896, Row Remapper: New row marked for remapping, reset gpu to activate."), "node"
    ).facts.get("authorities_disagree")


def test_disagreement_stands_in_the_report_and_weighs_nothing(ask: Ask) -> None:
    found = ask(log("94, pid=70110, name=python, Contained: SM (0x1). RST: No, D-RST: No"), "node")
    cited = {one.id: one.statement for one in found.evidence}
    said = [cited[id_] for id_ in found.hypotheses[0].because]
    assert any(one.startswith("Published catalogues differ on xid 94: nvidia_catalogue: ") for one in said), said
    agreed = ask(log(LOST), "node")
    assert not any("catalogues differ" in one.statement for one in agreed.evidence)


def test_addresses_of_kernel_driver_and_tools_agree() -> None:
    assert normal("PCI:0000:3B:00") == normal("00000000:3b:00.0") == normal("0000:3b:00.0") == "0000:3b:00"
