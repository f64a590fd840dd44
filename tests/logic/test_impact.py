"""Every figure is a number or has its reason."""

from datetime import timedelta

from responder.logic.grade import Driver, Matrix, grade
from responder.logic.impact import Prices, assess, nodes_at_fault, with_symptoms
from responder.model.event import JobState
from responder.model.evidence import Reading
from responder.model.incident import Severity
from tests.making import T0, event, job

PRICES = Prices({"H100": 2.5, "default": 2.0})


def test_hours_lost_count_from_the_last_checkpoint() -> None:
    dead = job(gpus=64, checkpoint_at=T0 - timedelta(minutes=30), gpu_model="NVIDIA H100 80GB HBM3")
    found = assess({"job": ("4711",)}, [dead], [], {}, PRICES, T0)
    assert found.gpu_hours_lost == 32
    assert found.cost_usd == 80
    assert "no checkpoint" not in found.statement


def test_without_a_checkpoint_they_count_from_the_start_and_it_says_so() -> None:
    found = assess({}, [job(gpus=8)], [], {}, PRICES, T0)
    assert found.gpu_hours_lost == 24
    assert found.cost_usd == 48
    assert "no checkpoint is known" in found.statement


def test_running_jobs_are_at_risk_not_lost() -> None:
    found = assess({}, [job(state=JobState.RUNNING, ended_at=None)], [], {}, PRICES, T0)
    assert (found.gpu_hours_lost, found.gpu_hours_at_risk) == (0, 24)


def test_what_is_unknown_is_null_with_its_reason() -> None:
    found = assess({"job": ("9",)}, [], [], {}, PRICES, T0)
    reasons = {one.field: one.reason for one in found.unknown}
    assert found.gpu_hours_lost is None
    assert "no start event was seen" in reasons["gpu_hours_lost"]
    assert "gpu_hours_lost is unknown" in reasons["cost_usd"]


def test_a_job_without_a_gpu_count_is_named_and_the_rest_is_a_lower_bound() -> None:
    found = assess({}, [job("1"), job("2", gpus=None), job("3", started_at=None)], [], {}, PRICES, T0)
    assert (found.gpu_hours_lost, found.cost_usd) == (24, 48)
    assert found.at_least("gpu_hours_lost")
    assert found.at_least("cost_usd")
    assert not found.at_least("gpu_hours_at_risk")
    reasons = {one.field: one.reason for one in found.unknown}
    assert reasons["gpu_hours_lost"] == "GPU count unknown for job 2 and 1 more, not counted"
    assert "at least 24.0 GPU-hours lost" in found.statement


def test_where_no_job_can_be_counted_there_is_no_number() -> None:
    found = assess({}, [job("2", started_at=None)], [], {}, PRICES, T0)
    assert found.gpu_hours_lost is None
    assert {one.field: one.reason for one in found.unknown}["gpu_hours_lost"] == "start time unknown for job 2"


def test_a_jobs_id_and_name_are_one_job_and_a_script_submitted_twice_is_two() -> None:
    one = event(entities={"job": ("482131", "llama-sft")})
    facts = [job("482131", name="llama-sft")]
    found = assess({"job": ("482131", "llama-sft")}, facts, [one], {}, PRICES, T0)
    assert found.jobs == ("482131",)
    assert "job 482131" in found.statement
    again = event(entities={"job": ("482140", "llama-sft")})
    both = {"job": ("482131", "llama-sft", "482140")}
    assert assess(both, [*facts, job("482140", name="llama-sft")], [one, again], {}, PRICES, T0).jobs == (
        "482131",
        "482140",
    )
    assert assess(both, [], [one, again], {}, PRICES, T0).jobs == ("482131", "482140")


def test_no_price_is_said() -> None:
    found = assess({}, [job(gpu_model="MI300X")], [], {}, Prices({"H100": 2.5}), T0)
    assert found.cost_usd is None
    assert "MI300X" in {one.field: one.reason for one in found.unknown}["cost_usd"]


def test_the_longest_fitting_price_wins() -> None:
    prices = Prices({"H100": 2.5, "H100 NVL": 2.9, "default": 2.0})
    assert prices.of("NVIDIA H100 NVL") == 2.9
    assert prices.of("NVIDIA H100 80GB HBM3") == 2.5
    assert prices.of(None) == 2.0


def test_a_gpu_is_named_by_uuid_with_its_node_and_index() -> None:
    found = assess({"node": ("n1",), "gpu": ("GPU-6f",), "gpu_index": ("3",)}, [], [], {}, PRICES, T0)
    assert [(g.uuid, g.node, g.index) for g in found.gpus] == [("GPU-6f", "n1", 3)]


def test_burn_comes_from_the_alert_itself() -> None:
    one = event(labels={"slo": "ttft"}, annotations={"burn_rate": "16.2"})
    found = assess({}, [], [one], {}, PRICES, T0)
    assert found.slo is not None
    assert (found.slo.objective, found.slo.burn_rate) == ("ttft", 16.2)


def test_burn_measured_over_an_hour_outranks_what_the_alert_says() -> None:
    needs = {"slo_burn_rate": 31.2, "slo_budget_left": 0.61}
    answers = {name: Reading(need=name, value=value, observed_at=T0) for name, value in needs.items()}
    found = assess({}, [], [event(labels={"slo": "availability", "burn_rate": "6"})], answers, PRICES, T0)
    assert found.slo is not None
    assert (found.slo.objective, found.slo.burn_rate, found.slo.budget_left_ratio) == ("availability", 31.2, 0.61)
    driver = grade(Matrix(), Driver(Severity.SEV4, "x"), None, 0.0, {}, found, 0)
    assert (driver.severity, driver.why) == (Severity.SEV2, "burn rate 31.2 is at or above 14.4")


def test_a_job_that_failed_on_many_nodes_is_one_fault_and_alerts_of_nodes_are_one_each() -> None:
    nodes = tuple(f"n{n}" for n in range(8))
    failed = event(labels={"node": "n3"}).model_copy(update={"entities": {"node": nodes}, "job": job(nodes=nodes)})
    assert nodes_at_fault({"node": nodes}, [failed]) == 1
    assert nodes_at_fault({"node": nodes}, [failed, event(labels={"node": "n1"}), event(labels={"node": "n2"})]) == 2
    assert nodes_at_fault({"node": nodes}, []) == 8
    assert nodes_at_fault({}, []) == 0


def test_what_a_symptom_hits_its_cause_hits_too_but_not_where_it_was_felt() -> None:
    found = with_symptoms({"node": ("n1",), "job": ("1",)}, [{"node": ("n2",), "job": ("2", "1"), "user": ("ann",)}])
    assert found == {"node": ("n1",), "job": ("1", "2"), "user": ("ann",)}


def test_the_statement_names_the_rack_that_all_nodes_share_and_a_card_once() -> None:
    storm = assess({"node": ("n1", "n2"), "rack": ("r12",)}, [], [], {}, PRICES, T0)
    assert storm.statement == "Hits 2 nodes of rack r12."
    card = assess({"node": ("n1",), "gpu": ("GPU-6f",), "rack": ("r12",)}, [], [], {}, PRICES, T0)
    assert card.statement == "Hits node n1, GPU-6f."
