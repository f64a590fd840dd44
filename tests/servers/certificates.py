"""Certificates for tests of TLS, made by openssl: an authority, and what it signs for 127.0.0.1."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.machine import require_program


@dataclass(frozen=True)
class Pair:
    """A certificate and its key (PKCS #8), both PEM."""

    certificate: Path
    key: Path


def authority(folder: Path, name: str = "authority") -> Pair:
    """A new authority."""
    return _made(
        folder,
        name,
        "-x509",
        "-subj",
        f"/CN={name}",
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    )


def signed(folder: Path, by: Pair, name: str) -> Pair:
    """A certificate for 127.0.0.1, good for servers and clients."""
    usage = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
    return _made(
        folder, name, "-x509", "-subj", f"/CN={name}", *usage, "-CA", str(by.certificate), "-CAkey", str(by.key)
    )


def _made(folder: Path, name: str, *options: str) -> Pair:
    openssl = require_program(("openssl",), "openssl")
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    command = [str(openssl), "req", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(pair.key)]
    subprocess.run([*command, "-out", str(pair.certificate), *options], check=True, capture_output=True, timeout=60)
    return pair
