"""The PromQL that skills ask, answered by Prometheus' own engine over series as exporters serve them: old and new names of fields,
upper and lower case labels, ports and domains in `instance`, and the difference between zero and not there."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from responder.document import load
from responder.library.skill_files import SkillFile
from responder.logic.template import fill

FOLDER = Path(__file__).parents[2] / "skills"
PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")

GPU = "GPU-5f3c1a77"
NODE = "n17"
KNOWN = {
    "gpu": (GPU,),
    "node": (NODE, "n18"),
    "pod": ("sft-worker-3",),
    "service": ("llama-chat",),
    "model": ("llama-3-70b",),
    "alertname": ("High GPU temp",),
    "dataset": ("clicks",),
    "table": ("user_features",),
    "team": ("nlp",),
}
BUSY = 'DCGM_FI_DEV_GPU_UTIL{hostname="n17",UUID="GPU-5f3c1a77"}'


def query(skill: str, need: str) -> str:
    spec = load(FOLDER / skill / "diagnosis.yaml").read(SkillFile)
    return fill(str(spec.needs[need].query), KNOWN, "promql")


def promtool(does: str, file: Path) -> None:
    done = subprocess.run(
        [str(PROMTOOL), does, "rules", str(file)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def ask(tmp_path: Path, skill: str, need: str, series: dict[str, str], *, at: str, expected: list[float]) -> None:
    """Prometheus evaluates the query over the series (promtool's notation, one sample a minute) and must find these values."""
    test: dict[str, Any] = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f"round(max({query(skill, need)}), 0.0001)",
                        "eval_time": at,
                        "exp_samples": [{"labels": "{}", "value": value} for value in expected],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "query.test.yml"
    file.write_text(yaml.safe_dump(test))
    promtool("test", file)


def test_every_query_is_promql(tmp_path: Path) -> None:
    rules = []
    for file in sorted(FOLDER.glob("*/diagnosis.yaml")):
        spec = load(file).read(SkillFile)
        rules += [
            {"record": f"{file.parent.name.replace('-', '_')}:{name}", "expr": query(file.parent.name, name)}
            for name, need in spec.needs.items()
            if need.from_ == "prometheus"
        ]
    assert len(rules) > 30
    out = tmp_path / "rules.yml"
    out.write_text(yaml.safe_dump({"groups": [{"name": "needs", "rules": rules}]}))
    promtool("check", out)


HEALTH = "gpu-node-health-diagnoser"
JOB = "training-job-debugger"
SERVICE = "service-incident-classifier"
TRIAGE = "alert-triage-classifier"


@pytest.mark.parametrize("name", ["DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_DEV_XID_ERROR"])
@pytest.mark.parametrize("label", ["UUID", "uuid"])
def test_a_code_that_came_lately_is_read_under_all_names(tmp_path: Path, name: str, label: str) -> None:
    series = {
        f'{name}{{{label}="{GPU}",hostname="{NODE}"}}': "0x50 79x20",
        f'{name}{{{label}="GPU-other"}}': "0x50 48x20",
    }
    ask(tmp_path, HEALTH, "last_xid", series, at="60m", expected=[79])


def test_a_code_from_last_week_that_still_stands_in_the_gauge_is_not_news(tmp_path: Path) -> None:
    series = {f'DCGM_FI_DEV_XID_ERRORS{{UUID="{GPU}",hostname="{NODE}"}}': "79x120"}
    ask(tmp_path, HEALTH, "last_xid", series, at="100m", expected=[0])
    ask(tmp_path, JOB, "last_xid", series, at="100m", expected=[0])


def test_no_gauge_is_no_answer_and_not_zero(tmp_path: Path) -> None:
    series = {f'DCGM_FI_DEV_GPU_TEMP{{UUID="{GPU}"}}': "50x60"}
    for need in ("last_xid", "uncorrected_ecc", "row_remap_failed", "nvlink_errors", "hardware_slowdown"):
        ask(tmp_path, HEALTH, need, series, at="50m", expected=[])


def test_nvlink_counters_of_all_kinds_are_added_over_the_hour(tmp_path: Path) -> None:
    series = {
        f'DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL{{gpu_uuid="{GPU}",nvlink="3"}}': "5x60 5+1x60",
        f'DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL{{gpu_uuid="{GPU}",nvlink="3"}}': "0x60 40x60",
    }
    ask(tmp_path, HEALTH, "nvlink_errors", series, at="120m", expected=[99])


def test_a_reset_of_the_counters_gives_no_negative_number(tmp_path: Path) -> None:
    series = {f'DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_TOTAL{{UUID="{GPU}"}}': "900x60 0x60"}
    ask(tmp_path, HEALTH, "nvlink_errors", series, at="120m", expected=[0])


@pytest.mark.parametrize(("bits", "reasons"), [(0, 0), (1, 0), (4, 0), (8, 1), (72, 2), (200, 3)])
def test_slowdown_counts_the_bits_of_hardware_only(tmp_path: Path, bits: int, reasons: int) -> None:
    series = {f'DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{{UUID="{GPU}"}}': f"{bits}x20"}
    ask(tmp_path, HEALTH, "hardware_slowdown", series, at="10m", expected=[reasons])


@pytest.mark.parametrize(("bits", "limits"), [(0, 0), (1, 0), (4, 1), (32, 2), (36, 3), (72, 0)])
def test_the_drivers_own_limits_are_told_from_those_of_the_hardware(tmp_path: Path, bits: int, limits: int) -> None:
    series = {f'DCGM_FI_DEV_CLOCKS_EVENT_REASONS{{UUID="{GPU}"}}': f"{bits}x20"}
    ask(tmp_path, HEALTH, "software_limits", series, at="10m", expected=[limits])


def test_the_answer_keeps_the_labels_of_the_card(tmp_path: Path) -> None:
    series = {f'DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{{UUID="{GPU}",hostname="{NODE}",gpu="3"}}': "2x20"}
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": query(HEALTH, "uncorrected_ecc"),
                "eval_time": "10m",
                "exp_samples": [{"labels": next(iter(series)), "value": 2}],
            }
        ],
    }
    file = tmp_path / "labels.test.yml"
    file.write_text(yaml.safe_dump({"tests": [test]}))
    promtool("test", file)


def test_degrees_are_counted_to_the_cards_own_threshold(tmp_path: Path) -> None:
    series = {
        f'DCGM_FI_DEV_GPU_TEMP{{UUID="{GPU}",gpu="3"}}': "85x20",
        f'DCGM_FI_DEV_SLOWDOWN_TEMP{{UUID="{GPU}",gpu="3"}}': "87x20",
    }
    ask(tmp_path, HEALTH, "degrees_to_slowdown", series, at="10m", expected=[2])


def test_only_busy_cards_of_the_node_are_compared(tmp_path: Path) -> None:
    series = {
        'DCGM_FI_DEV_SM_CLOCK{hostname="n17",gpu="0"}': "1980x20",
        'DCGM_FI_DEV_GPU_UTIL{hostname="n17",gpu="0"}': "99x20",
        'DCGM_FI_DEV_SM_CLOCK{hostname="n17",gpu="1"}': "345x20",
        'DCGM_FI_DEV_GPU_UTIL{hostname="n17",gpu="1"}': "0x20",
        'DCGM_FI_DEV_SM_CLOCK{hostname="n99",gpu="0"}': "1000x20",
        'DCGM_FI_DEV_GPU_UTIL{hostname="n99",gpu="0"}': "99x20",
    }
    wrapped = f"sum({query(HEALTH, 'clocks_of_busy_gpus')})"
    assert wrapped.count("{") == wrapped.count("}")
    file = tmp_path / "clocks.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [{"series": name, "values": values} for name, values in series.items()],
                        "promql_expr_test": [
                            {"expr": wrapped, "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": 1980}]}
                        ],
                    }
                ]
            }
        )
    )
    promtool("test", file)


@pytest.mark.parametrize("instance", ["n17:9100", "n17.cluster.local:9100", "n17"])
def test_nodes_are_found_by_name_with_port_and_domain(tmp_path: Path, instance: str) -> None:
    series = {
        f'up{{job="node-exporter",instance="{instance}"}}': "0x20",
        'up{job="node-exporter",instance="n170:9100"}': "1x20",
    }
    ask(tmp_path, HEALTH, "node_ready", series, at="10m", expected=[0])
    ask(tmp_path, JOB, "node_ready", series, at="10m", expected=[0])


def test_of_several_nodes_the_worst_answers(tmp_path: Path) -> None:
    series = {
        'node_memory_MemAvailable_bytes{instance="n17:9100"}': "60x20",
        'node_memory_MemTotal_bytes{instance="n17:9100"}': "100x20",
        'node_memory_MemAvailable_bytes{instance="n18:9100"}': "1x20",
        'node_memory_MemTotal_bytes{instance="n18:9100"}': "100x20",
    }
    ask(tmp_path, JOB, "host_memory_available", series, at="10m", expected=[0.01])


def test_memory_is_compared_with_the_containers_own_limit(tmp_path: Path) -> None:
    series = {
        'container_memory_working_set_bytes{namespace="llm",pod="sft-worker-3",container="trainer"}': "95x20",
        'container_memory_working_set_bytes{namespace="llm",pod="sft-worker-3",container=""}': "990x20",
        'kube_pod_container_resource_limits{namespace="llm",pod="sft-worker-3",container="trainer",resource="memory",node="n17"}': "100x20",
    }
    ask(tmp_path, JOB, "memory_of_limit", series, at="10m", expected=[0.95])


LIMIT = 'kube_pod_container_resource_limits{namespace="llm",pod="sft-worker-3",container="trainer",resource="memory"}'
USED = 'container_memory_working_set_bytes{namespace="llm",pod="sft-worker-3",container="trainer"}'


@pytest.mark.parametrize(
    ("curve", "slope", "step"),
    [
        ("10+1x90", 0.6, 0.05),  # a leak: a hundredth of the limit each minute
        ("40x87 90x10", 0, 0.5),  # a spike
        ("40x120", 0, 0),
    ],
)
def test_a_leak_has_a_slope_and_a_spike_a_step(tmp_path: Path, curve: str, slope: float, step: float) -> None:
    series = {USED: curve, LIMIT: "100x120"}
    ask(tmp_path, JOB, "memory_slope", series, at="90m", expected=[slope])
    ask(tmp_path, JOB, "memory_step", series, at="90m", expected=[step])


def test_the_memory_of_a_node_shrinks(tmp_path: Path) -> None:
    series = {
        'node_memory_MemAvailable_bytes{instance="n17:9100"}': "100-1x100",
        'node_memory_MemTotal_bytes{instance="n17:9100"}': "100x100",
    }
    ask(tmp_path, JOB, "node_memory_slope", series, at="90m", expected=[-0.6])


@pytest.mark.parametrize("host", ["hostname", "Hostname"])
def test_memory_held_without_a_job_is_seen_and_that_of_jobs_is_not(tmp_path: Path, host: str) -> None:
    def card(labels: str, used: str, free: str) -> dict[str, str]:
        return {
            f'DCGM_FI_DEV_FB_USED{{{host}="n17",UUID="{GPU}",gpu="3"{labels}}}': used,
            f'DCGM_FI_DEV_FB_FREE{{{host}="n17",UUID="{GPU}",gpu="3"{labels}}}': free,
        }

    idle = card("", "28000x60 _x60", "52000x60 _x60")
    ours = card(',pod="sft-worker-3"', "_x60 79000x60", "_x60 1000x60")
    ask(tmp_path, JOB, "gpu_memory_before", idle | ours, at="110m", expected=[0.35])
    ask(tmp_path, JOB, "gpu_memory_before", ours, at="110m", expected=[])
    slurm = card(',hpc_job="88201"', "79000x120", "1000x120")
    ask(tmp_path, JOB, "gpu_memory_before", slurm, at="110m", expected=[])
    leaking = card(',hpc_job="88201"', "8000+400x120", "72000-400x120")
    ask(tmp_path, JOB, "gpu_memory_slope", leaking, at="90m", expected=[0.3])


def test_gpus_that_wait_are_busy_without_computing(tmp_path: Path) -> None:
    series = {BUSY: "100x20", 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{hostname="n17",UUID="GPU-5f3c1a77"}': "0x20"}
    ask(tmp_path, JOB, "spinning_gpus", series, at="10m", expected=[1])
    working = {BUSY: "100x20", 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{hostname="n17",UUID="GPU-5f3c1a77"}': "0.4x20"}
    ask(tmp_path, JOB, "spinning_gpus", working, at="10m", expected=[0])
    ask(tmp_path, JOB, "spinning_gpus", {BUSY: "100x20"}, at="10m", expected=[])


def test_the_fullest_disk_answers_and_memory_file_systems_do_not(tmp_path: Path) -> None:
    def disk(mount: str, kind: str, free: int) -> dict[str, str]:
        labels = f'{{instance="n17:9100",mountpoint="{mount}",fstype="{kind}"}}'
        return {f"node_filesystem_avail_bytes{labels}": f"{free}x20", f"node_filesystem_size_bytes{labels}": "100x20"}

    series = disk("/scratch", "xfs", 4) | disk("/dev/shm", "tmpfs", 0) | disk("/ckpt", "nfs4", 30)
    ask(tmp_path, JOB, "disk_free", series, at="10m", expected=[0.04])


def test_errors_are_a_share_and_none_is_zero_where_requests_are_counted(tmp_path: Path) -> None:
    ok = 'http_requests_total{service="llama-chat",code="200"}'
    bad = 'http_requests_total{service="llama-chat",code="503"}'
    ask(tmp_path, SERVICE, "error_ratio", {ok: "0+90x20", bad: "0+10x20"}, at="10m", expected=[0.1])
    ask(tmp_path, SERVICE, "error_ratio", {ok: "0+90x20"}, at="10m", expected=[0])
    ask(tmp_path, SERVICE, "error_ratio", {'http_requests_total{service="other"}': "0+90x20"}, at="10m", expected=[])


@pytest.mark.parametrize(
    ("ok", "bad"),
    [
        ('tgi_request_count{job="llama-chat"}', 'tgi_request_failure{job="llama-chat"}'),
        ('http_requests_total{job="llama-chat",status="2xx"}', 'http_requests_total{job="llama-chat",status="5xx"}'),
    ],
)
def test_other_instrumentations_answer_too(tmp_path: Path, ok: str, bad: str) -> None:
    share = 0.25 if ok.startswith("tgi") else 0.2
    ask(tmp_path, SERVICE, "error_ratio", {ok: "0+40x20", bad: "0+10x20"}, at="10m", expected=[share])


def test_two_instrumentations_of_one_service_are_not_added(tmp_path: Path) -> None:
    series = {
        'http_requests_total{service="llama-chat",code="200"}': "0+60x20",
        'vllm:request_success_total{service="llama-chat",model_name="llama-3-70b"}': "0+60x20",
    }
    ask(tmp_path, SERVICE, "request_rate", series, at="10m", expected=[1])


@pytest.mark.parametrize("metric", ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage"])
def test_the_cache_is_read_under_all_names(tmp_path: Path, metric: str) -> None:
    series = {f'{metric}{{model_name="llama-3-70b",engine="0"}}': "0.97x20", f'{metric}{{model_name="other"}}': "1x20"}
    ask(tmp_path, SERVICE, "kv_usage", series, at="10m", expected=[0.97])


@pytest.mark.parametrize(("window", "need"), [("1h", "slo_burn_rate"), ("6h", "slo_burn_6h"), ("3d", "slo_burn_3d")])
def test_the_burn_is_the_ratio_of_errors_over_the_budget(tmp_path: Path, window: str, need: str) -> None:
    labels = '{sloth_id="llama-chat-availability",sloth_service="llama-chat",sloth_slo="availability"'
    series = {
        f'slo:sli_error:ratio_rate{window}{labels},sloth_window="{window}"}}': "0.0144x20",
        f"slo:error_budget:ratio{labels}}}": "0.001x20",
        f"slo:period_error_budget_remaining:ratio{labels}}}": "0.4x20",
        f'slo:sli_error:ratio_rate{window}{{sloth_id="other",sloth_service="other"}}': "1x20",
        'slo:error_budget:ratio{sloth_id="other",sloth_service="other"}': "0.001x20",
    }
    ask(tmp_path, SERVICE, need, series, at="10m", expected=[14.4])
    ask(tmp_path, SERVICE, "slo_budget_left", series, at="10m", expected=[0.4])
    ask(tmp_path, SERVICE, need, {"up": "1x20"}, at="10m", expected=[])


def test_pyrras_recordings_give_the_burn_too(tmp_path: Path) -> None:
    series = {
        'http_requests:burnrate1h{slo="llama-chat-availability"}': "0.02x20",
        'pyrra_objective{slo="llama-chat-availability"}': "0.99x20",
    }
    ask(tmp_path, SERVICE, "slo_burn_rate", series, at="10m", expected=[2])


@pytest.mark.parametrize(
    ("need", "metric"),
    [
        ("age_of_table", 'feature_store_last_update_timestamp_seconds{table="user_features"}'),
        ("age_of_table", 'dbt_model_last_success_time{table="user_features"}'),
        ("age_of_dataset", 'ingest_last_partition_timestamp_seconds{dataset="clicks",partition="h09"}'),
    ],
)
def test_the_age_of_data_is_since_its_last_update(tmp_path: Path, need: str, metric: str) -> None:
    ask(tmp_path, TRIAGE, need, {metric: "3600x400"}, at="4h", expected=[3])
    ask(tmp_path, TRIAGE, need, {"up": "1x400"}, at="4h", expected=[])


@pytest.mark.parametrize("label", ["model_name", "model"])
def test_drift_counts_when_it_lasts(tmp_path: Path, label: str) -> None:
    def psi(feature: str, curve: str) -> dict[str, str]:
        return {f'feature_psi{{{label}="llama-3-70b",feature="{feature}"}}': curve}

    lasting = psi("age", "0.23x300") | psi("zip", "0.02x300")
    ask(tmp_path, TRIAGE, "psi_lasting", lasting, at="5h", expected=[0.23])
    spike = psi("age", "0.04x270 0.34x30")
    ask(tmp_path, TRIAGE, "psi", spike, at="5h", expected=[0.34])
    ask(tmp_path, TRIAGE, "psi_lasting", spike, at="5h", expected=[0.04])


def test_features_that_are_rejected_in_all_windows_are_counted(tmp_path: Path) -> None:
    def p(feature: str, curve: str) -> dict[str, str]:
        return {f'evidently:ks_p_value{{model_name="llama-3-70b",feature="{feature}"}}': curve}

    series = p("a", "0.001x300") | p("b", "0.03x300") | p("c", "0.4x270 0.001x30") | p("d", "0.7x300")
    ask(tmp_path, TRIAGE, "ks_below_5_percent", series, at="5h", expected=[0.5])
    ask(tmp_path, TRIAGE, "ks_below_1_percent", series, at="5h", expected=[0.25])


def test_spend_is_a_share_of_the_teams_budget(tmp_path: Path) -> None:
    series = {
        'litellm_remaining_team_budget_metric{team="t1",team_alias="nlp"}': "-13x20",
        'litellm_team_max_budget_metric{team="t1",team_alias="nlp"}': "100x20",
        'litellm_remaining_team_budget_metric{team="t2",team_alias="cv"}': "-900x20",
        'litellm_team_max_budget_metric{team="t2",team_alias="cv"}': "100x20",
    }
    ask(tmp_path, TRIAGE, "budget_used", series, at="10m", expected=[1.13])


def test_starts_of_an_alert_are_counted_though_its_name_has_spaces(tmp_path: Path) -> None:
    series = {'ALERTS_FOR_STATE{alertname="High GPU temp"}': "100x10 _x10 1300x10 _x10 2500x10"}
    ask(tmp_path, TRIAGE, "refires", series, at="50m", expected=[2])


def test_no_node_away_is_zero_where_nodes_are_known(tmp_path: Path) -> None:
    ready = 'kube_node_status_condition{condition="Ready",status="true",node="n1"}'
    ask(tmp_path, TRIAGE, "nodes_not_ready", {ready: "1x20"}, at="10m", expected=[0])
    ask(tmp_path, TRIAGE, "nodes_not_ready", {ready: "0x20"}, at="10m", expected=[1])
    ask(tmp_path, TRIAGE, "nodes_not_ready", {"slurm_nodes_down": "3x20"}, at="10m", expected=[3])
    ask(tmp_path, TRIAGE, "nodes_not_ready", {"up": "1x20"}, at="10m", expected=[])
