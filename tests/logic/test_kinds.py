"""The kind of an alert, guessed from names in use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.logic.entities import entities_of
from responder.logic.kinds import kind_of
from responder.model.event import Kind


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ({"alertname": "Watchdog"}, Kind.MONITORING),
        ({"alertname": "DCGMExporterDown"}, Kind.MONITORING),
        ({"alertname": "NVIDIAGPUXidObserved", "UUID": "GPU-1"}, Kind.NODE),
        ({"alertname": "GPU Memory Near Full", "node": "n1"}, Kind.NODE),
        ({"alertname": "IbLinkFlap", "node": "n1"}, Kind.NODE),
        ({"alertname": "KueueHighPending"}, Kind.SCHEDULER),
        ({"alertname": "VLLMHighQueueWait", "model_name": "m"}, Kind.INFERENCE_SERVICE),
        ({"alertname": "gpu_cache_full", "model_name": "m"}, Kind.INFERENCE_SERVICE),
        ({"alertname": "NccLTimeout"}, Kind.TRAINING_JOB),
        ({"alertname": "CheckpointDurationHigh"}, Kind.TRAINING_JOB),
        ({"alertname": "FeatureDriftHigh"}, Kind.DATA_PIPELINE),
        ({"alertname": "Something", "job_name": "llama"}, Kind.TRAINING_JOB),
        ({"alertname": "Something", "service": "chat"}, Kind.INFERENCE_SERVICE),
        ({"alertname": "Something"}, Kind.NODE),
        ({"alertname": "VLLMDown", "kind": "agent"}, Kind.AGENT),
    ],
)
def test_kinds(labels: dict[str, str], kind: Kind) -> None:
    assert kind_of(labels, entities_of(labels)) is kind


@given(st.dictionaries(st.sampled_from(["alertname", "kind", "node"]), st.text(max_size=300)))
def test_any_labels_have_a_kind(labels: dict[str, str]) -> None:
    assert isinstance(kind_of(labels, entities_of(labels)), Kind)
