"""The listener itself: TLS, and client certificates where an authority for them is named."""

import ssl
from pathlib import Path

import httpx
import pytest

from tests.servers.certificates import authority, signed
from tests.web.conftest import Serve

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]


async def test_tls_with_a_certificate_of_ours(serve: Serve, tmp_path: Path) -> None:
    root = authority(tmp_path)
    own = signed(tmp_path, root, "server")
    served = await serve(listen={"tls_cert": str(own.certificate), "tls_key": str(own.key)})
    url = f"https://{served.daemon.address}/healthz"
    trusting = ssl.create_default_context(cafile=root.certificate)
    async with httpx.AsyncClient(verify=trusting) as client:
        assert (await client.get(url)).status_code == 200
    async with httpx.AsyncClient() as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get(url)


async def test_without_a_certificate_of_their_own_nobody_is_heard_where_one_is_wanted(
    serve: Serve, tmp_path: Path
) -> None:
    root, other = authority(tmp_path), authority(tmp_path, "other")
    own, good, bad = signed(tmp_path, root, "server"), signed(tmp_path, root, "client"), signed(tmp_path, other, "bad")
    listen = {"tls_cert": str(own.certificate), "tls_key": str(own.key), "client_ca": str(root.certificate)}
    served = await serve(listen=listen)
    url = f"https://{served.daemon.address}/v1/incidents"
    for shown in (None, bad):
        context = ssl.create_default_context(cafile=root.certificate)
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        async with httpx.AsyncClient(verify=context) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(url)
    context = ssl.create_default_context(cafile=root.certificate)
    context.load_cert_chain(good.certificate, good.key)
    async with httpx.AsyncClient(verify=context) as client:
        assert (await client.get(url)).status_code == 200
