"""Canonical entities out of labels: which node, GPU, job, pod, service, model... an alert speaks of.

The same thing has other label names in other exporters, and some labels name the exporter instead of what it watches.
One table says which label means what; the few functions below decide between labels. On the hot path: one pass over the
labels. It does not read text, and it does not look names up: topology (node to rack) is added elsewhere.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

Entities = dict[str, tuple[str, ...]]

NAME_LIMIT = 253
"""Longest name kept: a DNS name has at most 253 characters (RFC 1035), and Kubernetes names are such."""

# Label names by entity kind, the most trustworthy first. Without honorLabels, Prometheus moves a label of the metric to
# `exported_<name>` and puts the scrape target's own in its place (prometheus.io, scrape_config), so `exported_` wins.
_LABELS: dict[str, tuple[str, ...]] = {
    "cluster": ("cluster", "cluster_name", "k8s_cluster", "kubernetes_cluster", "k8s_cluster_name", "slurm_cluster"),
    # node, kubernetes_node: relabelling in kube-prometheus; Hostname/hostname: dcgm-exporter before and after 4.x;
    # nodename: node_uname_info; k8s_node_name, host_name: OpenTelemetry semantic conventions; instance: see
    # `_instance_node`.
    "node": (
        "exported_node",
        "node",
        "kubernetes_node",
        "node_name",
        "k8s_node_name",
        "hostname",
        "Hostname",
        "host_name",
        "nodename",
        "host",
    ),
    # UUID, uuid: dcgm-exporter; gpu_uuid: its NVLink series and Triton.
    "gpu": ("UUID", "gpu_uuid", "uuid", "GPU_UUID", "gpu"),
    # pod_name, pod_namespace, container_name: dcgm-exporter before 3.x and old cAdvisor; k8s_*: OpenTelemetry.
    "pod": ("exported_pod", "pod", "pod_name", "k8s_pod_name", "kubernetes_pod_name"),
    "namespace": (
        "exported_namespace",
        "namespace",
        "pod_namespace",
        "k8s_namespace_name",
        "kubernetes_namespace",
    ),
    "container": ("exported_container", "container", "container_name", "k8s_container_name"),
    # hpc_job: dcgm-exporter's job mapping for Slurm; slurm_job_id, jobid: Slurm job exporters; job_name:
    # kube-state-metrics and Volcano; exported_job: a pushed job name. Prometheus' own `job` is a scrape configuration
    # and never one of these.
    "job": (
        "hpc_job",
        "slurm_job_id",
        "slurm_jobid",
        "SLURM_JOB_ID",
        "jobid",
        "job_id",
        "exported_job_name",
        "job_name",
        "training_job",
        "pytorchjob",
        "rayjob",
        "exported_job",
    ),
    # inferenceservice: KServe; application: Ray Serve; service_name: OpenTelemetry; sloth_service: Sloth's SLO rules.
    "service": (
        "inferenceservice",
        "inference_service",
        "isvc",
        "exported_service",
        "service_name",
        "sloth_service",
        "slo_service",
        "deployment",
        "service",
        "application",
        "ray_io_cluster",
    ),
    # model_name: vLLM and SGLang; model: Triton and LiteLLM. modelName is dcgm-exporter's name of the GPU and is not
    # here.
    "model": ("served_model_name", "model_name", "model"),
    "rack": ("rack", "rack_name", "topology_rack"),
    "switch": ("switch", "switch_name", "leaf_switch", "leaf", "tor"),
    "tenant": ("exported_tenant", "tenant", "tenant_id", "team"),
    # cluster_queue, local_queue: Kueue; partition: Slurm; queue, queue_name: Volcano.
    "queue": ("cluster_queue", "local_queue", "partition", "queue_name", "queue"),
    "user": ("user", "username", "user_name", "slurm_user"),
    # persistentvolumeclaim: kubelet; mountpoint: node_exporter, see `_volumes`.
    "volume": ("exported_persistentvolumeclaim", "persistentvolumeclaim", "pvc", "volume_name"),
}

_SEVERAL = frozenset({"job", "queue", "volume"})
"""Kinds of which an event may name more than one at once (a job's id and its name); of the others the best label
counts."""

_TABLE: dict[str, tuple[str, int]] = {
    label: (kind, rank) for kind, labels in _LABELS.items() for rank, label in enumerate(labels)
}

_WATCHERS = ("exporter", "kube-state-metrics", "pushgateway")
"""Words in the names of programs that report about others."""

_REMOTE_JOBS = (
    "kube-state-metrics",
    "blackbox",
    "probe",
    "pushgateway",
    "federat",
    "apiserver",
    "slurm",
    "kueue",
    "snmp",
)
"""Scrape jobs whose address is that of a collector, not of the host that the series is about."""

_HOST_PORTS = frozenset({"9100", "9182", "9400", "9401", "9445", "9835", "9256"})
"""Default ports of exporters that run once per host (Prometheus wiki "Default port allocations"): node, windows, DCGM,
GPU, process."""

_NETWORK_FILESYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "lustre",
        "gpfs",
        "beegfs",
        "ceph",
        "fuse.ceph",
        "wekafs",
        "cifs",
        "smb3",
        "glusterfs",
        "fuse.glusterfs",
    }
)
_LOCAL_MOUNTS = ("/boot", "/var", "/run", "/tmp", "/etc", "/usr", "/opt", "/dev", "/rootfs")  # noqa: S108 - names, not files


def entities_of(labels: Mapping[str, str]) -> Entities:
    """Entity kind to names, the most specific first; kinds without a name are left out."""
    best: dict[str, tuple[int, str]] = {}
    several: dict[str, list[tuple[int, str]]] = {}
    table = _TABLE
    for label, value in labels.items():
        place = table.get(label)
        if place is None or not value:
            continue
        kind, rank = place
        if kind in _SEVERAL:
            several.setdefault(kind, []).append((rank, value))
        else:
            known = best.get(kind)
            if known is None or rank < known[0]:
                best[kind] = (rank, value)
    out: Entities = {kind: (value[:NAME_LIMIT],) for kind, (_, value) in best.items()}
    for kind, found in several.items():
        found.sort()
        out[kind] = tuple(dict.fromkeys([value[:NAME_LIMIT] for _, value in found]))
    _gpu(labels, out)
    _forget_watchers(labels, out)
    if "node" not in out and "instance" in labels:
        node = _instance_node(labels)
        if node:
            out["node"] = (node,)
    if "model" in out and not _is_served_model(labels):
        del out["model"]
    if "mountpoint" in labels:
        _volumes(labels, out)
    if "queue" in out:
        _queues(out)
    return out


def merge_entities(first: Mapping[str, Iterable[str]], second: Mapping[str, Iterable[str]]) -> Entities:
    """Both, the names of `first` in front; what one plane says explicitly goes before what was read from labels."""
    out: Entities = {}
    for kind in (*first, *(kind for kind in second if kind not in first)):
        names = tuple(
            dict.fromkeys(name[:NAME_LIMIT] for name in (*first.get(kind, ()), *second.get(kind, ())) if name)
        )
        if names:
            out[kind] = names
    return out


def _gpu(labels: Mapping[str, str], out: Entities) -> None:
    """The UUID names the GPU; its index (`gpu`, or nvidia3) is only good together with a node and is kept as
    `gpu_index`.

    `uuid` alone may be anybody's (a pod, a disk), so it counts only with NVML's prefixes GPU- and MIG-.
    """
    index = labels.get("gpu", "")
    if not index.isdecimal():
        device = labels.get("device", "")
        index = device[6:] if device.startswith("nvidia") else ""
    if index.isdecimal() and len(index) < 4:
        out["gpu_index"] = (index,)
    if "gpu" in out:
        name = out["gpu"][0]
        if name.startswith(("GPU-", "MIG-")) or labels.get("UUID") == name or labels.get("gpu_uuid") == name:
            return
        del out["gpu"]


def _forget_watchers(labels: Mapping[str, str], out: Entities) -> None:
    """Drop the pod, container, service and namespace of the program that reports, when it is not what the alert is
    about.

    An exporter's own pod is the subject when kube-state-metrics speaks of it; kube-state-metrics itself never is.
    """
    scrape = labels.get("job", "")
    if "kube-state-metrics" in scrape:
        words: tuple[str, ...] = ("kube-state-metrics",)
    elif "gpu" in out or "Hostname" in labels or any(word in scrape for word in _WATCHERS):
        words = _WATCHERS
    else:
        return
    gone = False
    for kind, plain in (("pod", "pod"), ("container", "container"), ("service", "service"), ("job", "exported_job")):
        names = out.get(kind)
        if names and labels.get(plain, "")[:NAME_LIMIT] in names:
            kept = tuple(name for name in names if not any(word in name for word in words))
            if len(kept) < len(names):
                gone = gone or kind == "pod"
                if kept:
                    out[kind] = kept
                else:
                    del out[kind]
    if gone and "exported_namespace" not in labels:
        out.pop("namespace", None)


def _instance_node(labels: Mapping[str, str]) -> str | None:
    """The host of `instance`, unless that is the address of a service or of a collector that watches other hosts."""
    instance = labels["instance"]
    host, colon, port = instance.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = instance, ""
    host = host.strip("[]").rstrip(".")
    scrape = labels.get("job", "")
    if not host or "/" in host or host == scrape or ".svc" in host or host.startswith(("localhost", "127.")):
        return None
    if any(word in scrape for word in _REMOTE_JOBS):
        return None
    if port in _HOST_PORTS:
        return host[:NAME_LIMIT]
    if "pod" in labels or "service" in labels or "model_name" in labels:
        return None if _is_address(host) or "model_name" in labels else host[:NAME_LIMIT]
    return host[:NAME_LIMIT]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_served_model(labels: Mapping[str, str]) -> bool:
    """NVLink series say `model_name` for the GPU's model, disk exporters say `model` for the drive's."""
    if "nvlink" in labels or "nvswitch" in labels:
        return False
    if "served_model_name" in labels:
        return True
    if "UUID" in labels or "Hostname" in labels or "modelName" in labels:
        return False
    if "model_name" in labels:
        return True
    return not ("serial_number" in labels or "disk" in labels or "device" in labels)


def _volumes(labels: Mapping[str, str], out: Entities) -> None:
    """A mount of a network file system is one volume on all nodes; `/var` is another one on each, so it takes its
    node's name."""
    mount = labels["mountpoint"]
    if not mount:
        return
    kind = labels.get("fstype", "")
    local = kind not in _NETWORK_FILESYSTEMS if kind else mount == "/" or mount.startswith(_LOCAL_MOUNTS)
    node = out.get("node")
    name = f"{node[0]}:{mount}" if local and node else mount
    out["volume"] = (*out.get("volume", ()), name[:NAME_LIMIT])


def _queues(out: Entities) -> None:
    """`partition="3"` is Kafka's, not Slurm's."""
    named = tuple(name for name in out["queue"] if not name.isdecimal())
    if named:
        out["queue"] = named
    else:
        del out["queue"]
