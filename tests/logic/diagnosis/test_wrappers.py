"""Who speaks: rank labels, pod names and host names of launchers and loggers."""

from datetime import UTC, datetime

import pytest

from responder.logic.diagnosis.wrappers import section, unwrap

NEAR = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "rank", "node", "body"),
    [
        ("[rank3]: RuntimeError: x", 3, None, "RuntimeError: x"),
        ("[default0]:RuntimeError: x", 0, None, "RuntimeError: x"),
        ("17: 2026-03-01 04:12:33,123 ERROR boom", 17, None, "boom"),
        ("[1,5]<stderr>:boom", 5, None, "boom"),
        ("logs/rank_3.out: boom", 3, None, "boom"),
        ("[12]: boom", 12, None, "boom"),
        ("[node-7:trainer2]: boom", 2, "node-7", "boom"),
        ("(RayTrainWorker pid=1234, ip=10.0.0.3) boom", None, "10.0.0.3", "boom"),
        ("(VllmWorker rank=1 pid=413) ERROR 11-10 12:30:57 [core.py:710] boom", 1, None, "[core.py:710] boom"),
        ("gpu-c07:21844:22063 [3] NCCL WARN boom", None, "gpu-c07", "NCCL WARN boom"),
        ("Mar  1 04:12:33 n17 kernel: NVRM: boom", None, "n17", "NVRM: boom"),
        ("2026-03-01T04:12:33Z n17 kernel[1]: boom", None, "n17", "boom"),
        ("node3: boom", None, "node3", "boom"),
        ("error: boom", None, None, "error: boom"),
        ("[rank0]:[E301 04:12:33.123 ProcessGroupNCCL.cpp:629] [Rank 0] boom", 0, None, None),
    ],
)
def test_prefixes_are_peeled_off(line: str, rank: int | None, node: str | None, body: str | None) -> None:
    said = unwrap(line, NEAR)
    assert (said.rank, said.node) == (rank, node)
    if body is not None:
        assert said.body == body


def test_a_pod_prefix_names_the_pod() -> None:
    said = unwrap("[pod/train-worker-3/pytorch] boom", NEAR)
    assert (said.pod, said.body) == ("train-worker-3", "boom")


def test_rank_inside_the_message() -> None:
    assert unwrap("2026-03-01 04:12:33 watchdog of [Rank 41] caught", NEAR).inner_rank == 41


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("==> logs/rank_3.log <==", ("rank", "3")),
        ("=== node n17 ===", ("node", "n17")),
        ("=====", None),
        ("boom", None),
    ],
)
def test_headers_under_which_a_rank_speaks(line: str, wanted: tuple[str, str] | None) -> None:
    assert section(line) == wanted
