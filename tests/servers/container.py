"""One server in a container, through testcontainers.

It shares the host's network, so that ports and addresses are the same as for a process of this machine, and sees the
server's directory under the same path.
"""

import functools
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@functools.cache
def engine_answers() -> bool:
    """Whether a Docker engine is there; asked once."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://") and not _accepts(host.removeprefix("unix://")):
        return False  # the client below would leave its socket unclosed, and warnings are errors
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=3)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def _accepts(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


@dataclass
class Container:
    """`line` is one shell line, run in `directory` by the image's own shell and as the user who runs the tests."""

    image: str
    line: str
    directory: Path
    _container: Any = None

    def start(self) -> None:
        if self._container is not None:
            self._container.get_wrapped_container().start()
            return
        from testcontainers.core.container import DockerContainer

        self._container = DockerContainer(
            self.image,
            network_mode="host",
            entrypoint="/bin/sh",
            working_dir=str(self.directory),
            user=f"{os.getuid() or 65534}:{os.getgid() or 65534}",  # never root: PostgreSQL refuses it
        )
        self._container.with_volume_mapping(str(self.directory), str(self.directory), "rw")
        self._container.with_command(["-c", self.line])
        self.directory.chmod(0o777)
        self._container.start()

    def stop(self) -> None:
        if self._container is not None:
            self._container.get_wrapped_container().stop(timeout=15)

    def exited(self) -> bool:
        if self._container is None:
            return True
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return wrapped.status not in {"created", "running"}

    def log_tail(self) -> str:
        return "" if self._container is None else self._container.get_wrapped_container().logs(tail=25).decode()
