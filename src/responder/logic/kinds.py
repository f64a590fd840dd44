"""What sort of thing an alert is about, guessed from its labels when the sender does not say.

The words are those of public rule names; they only choose priors and a default skill, so a wrong guess costs accuracy and
never an event. A label `kind` that names a kind decides.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from responder.logic.entities import Entities
from responder.model.event import Kind

# In the order of search: what watches comes before what is watched (DCGMExporterDown), queues before jobs.
_WORDS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(words))
    for kind, words in (
        (
            Kind.MONITORING,
            (
                "watchdog|infoinhibitor|exporter|prometheus|alertmanager|targetdown|thanos|scrape|nodata|metricsmissing"
                "|datasource|deadman|heartbeat|hostengine|loki|remotewrite"
            ),
        ),
        (Kind.AGENT, "agent|toolcall|guardrail|promptinjection|jailbreak|hallucination|mcpserver"),
        (Kind.REGISTRY, "registry|imagepull|harbor|artifact|modelversion|modelload"),
        (
            Kind.SCHEDULER,
            (
                "kueue|slurmctld|slurmcontroller|slurmnode|volcano|schedul|pending|queuedepth|preempt|quota|autoscal"
                "|clusterqueue"
            ),
        ),
        (
            Kind.DATA_PIPELINE,
            "kafka|airflow|spark|flink|dagster|dataset|freshness|drift|pipeline|etl|schema|featurestore|dataquality|ingest",
        ),
        (
            Kind.INFERENCE_SERVICE,
            (
                "vllm|sglang|tgi|triton|inference|ttft|kserve|kvcache|requestqueue|llm|tokenlatency|throughputpool|serving"
                "|errorbudget|burnrate"
            ),
        ),
        (
            Kind.TRAINING_JOB,
            (
                "training|nccl|checkpoint|pytorch|rayjob|trainjob|mpijob|jobfail|slurmjob|kubejob|straggler|mfu|loss|epoch"
                "|jobstalled"
            ),
        ),
        (Kind.NODE, "gpu|xid|dcgm|node|disk|nvlink|nvswitch|infiniband|iblink|ecc|pcie|host"),
    )
)
_BY_NAME = {kind.value: kind for kind in Kind}
# Without a telling name: what the alert speaks of, the most particular first.
_BY_ENTITY = (
    ("gpu", Kind.NODE),
    ("model", Kind.INFERENCE_SERVICE),
    ("job", Kind.TRAINING_JOB),
    ("queue", Kind.SCHEDULER),
    ("service", Kind.INFERENCE_SERVICE),
    ("node", Kind.NODE),
    ("gpu_index", Kind.NODE),
    ("volume", Kind.NODE),
    ("pod", Kind.TRAINING_JOB),
)


def kind_of(labels: Mapping[str, str], entities: Entities) -> Kind:
    """The kind of an alert."""
    said = _BY_NAME.get(labels.get("kind", ""))
    if said is not None:
        return said
    named = kind_of_name(labels.get("alertname", ""))
    if named is not None and not (named is Kind.NODE and "model" in entities):
        return named
    for entity, kind in _BY_ENTITY:
        if entity in entities:
            return kind
    return Kind.NODE


@lru_cache(maxsize=4096)
def kind_of_name(name: str) -> Kind | None:
    """The kind that an alert's name tells; None when it tells nothing. Case, spaces, `_` and `-` do not matter."""
    folded = name[:200].lower().replace(" ", "").replace("_", "").replace("-", "")
    for kind, words in _WORDS:
        if words.search(folded):
            return kind
    return None
