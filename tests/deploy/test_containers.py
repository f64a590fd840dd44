"""The image's recipe, the compose file and the manifests before their own tools. No engine and no cluster runs them here."""

import shutil
from pathlib import Path

import orjson
import pytest

from tests.deploy.tools import DEPLOY, ROOT, passes, run_tool

pytestmark = pytest.mark.integration
SERVICES = {"alertmanager", "kafka", "migrate", "postgres", "prometheus", "responder", "topics"}


def test_docker_compose_accepts_the_compose_file(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY, tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    (tmp_path / "deploy/secrets").mkdir()
    for name in ("responder_token", "postgres_password"):
        (tmp_path / "deploy/secrets" / name).write_text("x")
    shown = passes("docker-compose", "--file", tmp_path / "deploy/compose.yaml", "config", "--format", "json")
    assert set(orjson.loads(shown)["services"]) == SERVICES
    (tmp_path / "deploy/compose.yaml").write_text("services: {responder: {image: x, depends_on: [nobody]}}\n")
    assert run_tool("docker-compose", "--file", tmp_path / "deploy/compose.yaml", "config").returncode != 0


def test_hadolint_finds_nothing_in_the_dockerfile(tmp_path: Path) -> None:
    passes("hadolint", ROOT / "Dockerfile")
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\n")
    assert run_tool("hadolint", tmp_path / "Dockerfile").returncode != 0


@pytest.mark.parametrize("file", sorted((DEPLOY / "kubernetes").glob("*.yaml")), ids=lambda file: file.name)
def test_manifests_fit_kubernetes_own_schemas(file: Path, tmp_path: Path) -> None:
    passes("kubernetes-validate", "--strict", file)
    (tmp_path / file.name).write_text(file.read_text().replace("metadata:", "metadatas:"))
    assert run_tool("kubernetes-validate", "--strict", tmp_path / file.name).returncode != 0
