"""Compose file, Kubernetes manifests, Grafana files: their structure, as far as it can be judged without their engines.

No cluster, no Docker engine and no Grafana has seen these here: see deploy/README.md.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.test_prometheus import exported
from tests.deploy.tools import DEPLOY, ROOT

KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def every_yaml() -> list[Any]:
    return sorted(path for pattern in ("*.yaml", "*.yml") for path in DEPLOY.rglob(pattern))


@pytest.mark.parametrize("file", every_yaml(), ids=lambda file: str(file.relative_to(DEPLOY)))
def test_every_file_is_yaml(file: Any) -> None:
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(file.read_text()))


# compose


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return document


def test_the_compose_file_has_the_five_services_and_what_prepares_them(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {
        "responder", "migrate", "postgres", "kafka", "topics", "prometheus", "alertmanager",
    }  # fmt: skip
    for name, service in compose["services"].items():
        assert "image" in service, name
        assert ":latest" not in service["image"], name


def test_what_the_compose_file_refers_to_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], needed
        for secret in service.get("secrets", ()):
            assert secret in compose["secrets"], name
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            known = (DEPLOY / source).is_file() if source.startswith(".") else source in compose["volumes"]
            assert known, f"{name}: {source}"
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / "Dockerfile").is_file()


def test_secrets_are_files_that_are_not_under_version_control(compose: dict[str, Any]) -> None:
    """Of the environment they could not be mounted into a read-only container."""
    ignored = (DEPLOY / ".gitignore").read_text().split()
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert "/secrets/" in ignored


def test_ports_are_published_on_loopback_only(compose: dict[str, Any]) -> None:
    published = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_daemon_in_compose_has_no_more_rights_than_it_needs(compose: dict[str, Any]) -> None:
    for name in ("responder", "migrate"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_compose_makes_the_topics_that_the_daemon_reads(compose: dict[str, Any]) -> None:
    settings = yaml.safe_load((DEPLOY / "compose" / "responder.yaml").read_text())
    script = compose["services"]["topics"]["command"][0]
    made = re.search(r"for topic in ([^;]+);", script)
    assert made
    assert set(made[1].split()) == set(settings["sources"]["kafka"]["topics"])


# kubernetes


def manifests() -> Iterator[dict[str, Any]]:
    for file in KUBERNETES:
        yield from yaml.safe_load_all(file.read_text())


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in manifests() if one["kind"] == kind]


def test_manifests_have_what_every_manifest_has() -> None:
    seen = set()
    for one in manifests():
        assert one["apiVersion"]
        name = (one["kind"], one["metadata"]["name"])
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name[1])
        assert name not in seen
        seen.add(name)
        if one["kind"] not in ("Namespace", "ClusterRole", "ClusterRoleBinding"):
            assert one["metadata"]["namespace"] == "responder"


@pytest.mark.parametrize("workload", of_kind("Deployment"), ids=lambda one: one["metadata"]["name"])
def test_pods_run_without_privileges(workload: dict[str, Any]) -> None:
    pod = workload["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert ":" in container["image"].rpartition("/")[2]
        for mount in container["volumeMounts"]:
            assert mount["name"] in {volume["name"] for volume in pod["volumes"]}


def test_the_daemon_has_no_access_to_the_cluster() -> None:
    (daemon,) = (one for one in of_kind("Deployment") if one["metadata"]["name"] == "responder")
    assert daemon["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    bound = {subject["name"] for one in of_kind("ClusterRoleBinding") for subject in one["subjects"]}
    assert bound == {"event-exporter"}


def test_the_event_exporter_reads_events_and_nothing_else() -> None:
    (role,) = of_kind("ClusterRole")
    assert [rule["resources"] for rule in role["rules"]] == [["events"]]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_selectors_find_the_pods_they_mean() -> None:
    labels = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"].items() for one in of_kind("Deployment")
    }
    for one in of_kind("Deployment"):
        assert one["spec"]["selector"]["matchLabels"].items() <= labels[one["metadata"]["name"]]
    for service in of_kind("Service"):
        assert service["spec"]["selector"].items() <= labels["responder"]
    for one in (*of_kind("PodDisruptionBudget"), *of_kind("NetworkPolicy")):
        chosen = one["spec"].get("selector") or one["spec"]["podSelector"]
        assert chosen["matchLabels"].items() <= labels["responder"]


def test_the_user_is_that_of_the_image() -> None:
    (daemon,) = (one for one in of_kind("Deployment") if one["metadata"]["name"] == "responder")
    image = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert image
    assert daemon["spec"]["template"]["spec"]["securityContext"]["runAsUser"] == int(image[1])


# grafana


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    return document


def queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]


def test_the_dashboard_asks_only_for_what_the_daemon_exports() -> None:
    asked = {name for query in queries() for name in re.findall(r"\b(?:responder|process)_[a-z_]+", query)}
    assert asked <= exported()


def test_the_dashboard_shows_every_metric_of_the_daemon() -> None:
    ours = {name.removesuffix("_bucket") for name in exported() if re.match(r"responder_.*(?<!_sum)(?<!_count)$", name)}
    shown = " ".join(queries())
    assert {name for name in ours if name not in shown} == set()


def test_panels_have_their_own_ids_and_do_not_overlap() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_grafana_signs_as_we_check() -> None:
    (point,) = yaml.safe_load((DEPLOY / "grafana" / "contact-point.yaml").read_text())["contactPoints"]
    (receiver,) = point["receivers"]
    assert receiver["settings"]["url"].endswith("/v1/events/grafana")
    assert receiver["settings"]["hmacConfig"]["header"] == "X-Grafana-Alerting-Signature"
    assert not receiver["settings"]["hmacConfig"]["secret"].strip("$").islower()
