"""Which thing an alert speaks of, for the label sets that exporters really make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.entities import NAME_LIMIT, entities_of, merge_entities

DCGM_IN_KUBERNETES = {
    "alertname": "GPU Xid seen",
    "job": "nvidia-dcgm-exporter",
    "instance": "10.4.0.9:9400",
    "Hostname": "gpu-n17",
    "gpu": "3",
    "device": "nvidia3",
    "UUID": "GPU-5f2c7a4e-0a1b-4c2d-8e3f-123456789abc",
    "modelName": "NVIDIA H100 80GB HBM3",
    "namespace": "monitoring",
    "pod": "nvidia-dcgm-exporter-x7k2p",
    "container": "nvidia-dcgm-exporter",
    "service": "nvidia-dcgm-exporter",
    "exported_namespace": "ml",
    "exported_pod": "llama-70b-worker-3",
    "exported_container": "pytorch",
}


def test_a_gpu_alert_names_the_workload_and_not_the_exporter() -> None:
    assert entities_of(DCGM_IN_KUBERNETES) == {
        "node": ("gpu-n17",),
        "gpu": ("GPU-5f2c7a4e-0a1b-4c2d-8e3f-123456789abc",),
        "gpu_index": ("3",),
        "pod": ("llama-70b-worker-3",),
        "namespace": ("ml",),
        "container": ("pytorch",),
    }


def test_an_idle_gpu_has_no_pod() -> None:
    idle = {name: value for name, value in DCGM_IN_KUBERNETES.items() if not name.startswith("exported_")}
    assert set(entities_of(idle)) == {"node", "gpu", "gpu_index"}


def test_a_crashing_exporter_is_the_subject_when_kube_state_metrics_says_so() -> None:
    found = entities_of(
        {
            "job": "kube-state-metrics",
            "instance": "10.4.0.2:8080",
            "namespace": "monitoring",
            "pod": "nvidia-dcgm-exporter-x7k2p",
            "container": "nvidia-dcgm-exporter",
        }
    )
    assert found["pod"] == ("nvidia-dcgm-exporter-x7k2p",)
    assert found["namespace"] == ("monitoring",)
    assert "node" not in found


@pytest.mark.parametrize(
    ("labels", "kind", "names"),
    [
        ({"node": "n1", "instance": "10.0.0.1:9100"}, "node", ("n1",)),
        ({"exported_node": "n1", "node": "mon-0"}, "node", ("n1",)),
        ({"instance": "n1:9100", "job": "node-exporter"}, "node", ("n1",)),
        ({"instance": "10.0.0.1:9100", "pod": "node-exporter-7x"}, "node", ("10.0.0.1",)),
        ({"instance": "[fd00::1]:9100"}, "node", ("fd00::1",)),
        ({"instance": "10.0.0.1:8000", "pod": "vllm-0"}, "node", None),
        ({"instance": "vllm.ml.svc.cluster.local:8000"}, "node", None),
        ({"instance": "vllm:8000", "job": "vllm"}, "node", None),
        ({"instance": "vllm-llama:8000", "model_name": "llama"}, "node", None),
        ({"instance": "https://example.com/health", "job": "blackbox"}, "node", None),
        ({"instance": "localhost:9090"}, "node", None),
        ({"instance": "slurmctld-0:8080", "job": "slurm-exporter"}, "node", None),
        ({"uuid": "MIG-6b1c"}, "gpu", ("MIG-6b1c",)),
        ({"uuid": "9c1f0e1a-pod-uid"}, "gpu", None),
        ({"gpu_uuid": "GPU-1", "nvlink": "3", "model_name": "NVIDIA H100"}, "model", None),
        ({"gpu": "GPU-77"}, "gpu", ("GPU-77",)),
        ({"gpu": "7"}, "gpu", None),
        ({"gpu": "7"}, "gpu_index", ("7",)),
        ({"device": "nvidia5"}, "gpu_index", ("5",)),
        ({"device": "nvme0n1"}, "gpu_index", None),
        ({"job": "kubelet"}, "job", None),
        ({"job_name": "llama-70b", "job": "kube-state-metrics"}, "job", ("llama-70b",)),
        ({"jobid": "4711", "job_name": "llama"}, "job", ("4711", "llama")),
        ({"exported_job": "nightly-eval", "job": "pushgateway"}, "job", ("nightly-eval",)),
        ({"model_name": "meta-llama/Llama-3-70B", "engine": "0"}, "model", ("meta-llama/Llama-3-70B",)),
        ({"modelName": "NVIDIA H100 80GB HBM3"}, "model", None),
        ({"model": "resnet50", "version": "1"}, "model", ("resnet50",)),
        ({"model": "SAMSUNG MZ", "serial_number": "S1", "device": "nvme0"}, "model", None),
        ({"partition": "gpu-large"}, "queue", ("gpu-large",)),
        ({"partition": "3", "topic": "alerts"}, "queue", None),
        ({"cluster_queue": "research", "queue": "x"}, "queue", ("research", "x")),
        ({"persistentvolumeclaim": "ckpt"}, "volume", ("ckpt",)),
        ({"mountpoint": "/lustre", "fstype": "lustre", "node": "n1"}, "volume", ("/lustre",)),
        ({"mountpoint": "/var", "fstype": "ext4", "node": "n1"}, "volume", ("n1:/var",)),
        ({"mountpoint": "/", "instance": "n1:9100"}, "volume", ("n1:/",)),
        ({"mountpoint": "/scratch", "node": "n1"}, "volume", ("/scratch",)),
        ({"inferenceservice": "chat", "service": "chat-predictor"}, "service", ("chat",)),
        ({"deployment": "vllm"}, "service", ("vllm",)),
        ({"team": "ml-platform"}, "tenant", ("ml-platform",)),
        ({"rack": "r12"}, "rack", ("r12",)),
        ({"switch": "leaf-3"}, "switch", ("leaf-3",)),
        ({"node": ""}, "node", None),
    ],
)
def test_label_to_entity(labels: dict[str, str], kind: str, names: tuple[str, ...] | None) -> None:
    assert entities_of(labels).get(kind) == names


NAMES = st.sampled_from(
    [
        "node",
        "instance",
        "job",
        "pod",
        "exported_pod",
        "namespace",
        "UUID",
        "uuid",
        "gpu",
        "device",
        "model",
        "model_name",
        "mountpoint",
        "fstype",
        "partition",
        "exported_job",
        "service",
        "Hostname",
        "jobid",
        "alertname",
    ]
)


@given(st.dictionaries(NAMES, st.text(max_size=300)))
def test_any_labels_give_bounded_named_entities(labels: dict[str, str]) -> None:
    for kind, names in entities_of(labels).items():
        assert kind
        assert names
        assert len(set(names)) == len(names)
        assert all(0 < len(name) <= NAME_LIMIT for name in names)


def test_merging_keeps_the_first_in_front() -> None:
    merged = merge_entities({"node": ("a", "")}, {"node": ("b", "a"), "pod": ("p",), "gpu": ()})
    assert merged == {"node": ("a", "b"), "pod": ("p",)}
