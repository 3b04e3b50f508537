import datetime
import ipaddress
import ssl
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from config.sections.api import ApiSettings
from daemon.cli.app import main
from daemon.cli.output import Exit
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.server import DoorError, serve_http
from daemon.telemetry import Telemetry
from tests.daemon.http.fixed_view import FixedView

KEY = "0123456789abcdef0123"


@pytest.fixture
def settings(tmp_path: Path) -> ApiSettings:
    """A door with a self-signed certificate and one key."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, SHA256())
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(secret)
    (tmp_path / "opens").write_text(KEY)
    return ApiSettings(
        listen="127.0.0.1:0",
        keys_file=tmp_path / "opens",
        tls_cert=tmp_path / "cert.pem",
        tls_key=tmp_path / "key.pem",
    )


async def test_a_door_with_tls_serves_https_and_outlives_a_client_without_it(
    settings: ApiSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    keys = ApiKeys(settings.keys_file)
    app = build_app(FixedView(), Telemetry(), settings, keys, metrics=False)
    stop = trio.Event()
    context = ssl.create_default_context(cafile=settings.tls_cert)
    flags = [f"--set=api.{name}={getattr(settings, name)}" for name in ("keys_file", "tls_cert")]
    flags.append(f"--set=api.tls_key={settings.tls_key}")
    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(partial(serve_http, app, settings, stop, 1.0))
        assert address.startswith("https://")
        plain = await trio.open_tcp_stream("127.0.0.1", int(address.rpartition(":")[2]))
        await plain.send_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await plain.receive_some()
        await plain.aclose()
        async with httpx.AsyncClient(verify=context) as client:
            bearer = {"authorization": f"Bearer {KEY}"}
            answer = await client.get(f"{address}/chain/status", headers=bearer)
        call = ("status", "--config", str(tmp_path / "none"), "--api", address, *flags)
        (tmp_path / "none").write_text("")
        code = await trio.to_thread.run_sync(main, call)
        stop.set()
    assert answer.json()["height"] == 3
    assert code == Exit.OK
    assert "alice" in capsys.readouterr().out


async def test_a_certificate_that_is_none_is_refused_with_a_remedy(
    settings: ApiSettings, tmp_path: Path
):
    (tmp_path / "cert.pem").write_text("no certificate")
    keys = ApiKeys(settings.keys_file)
    app = build_app(FixedView(), Telemetry(), settings, keys, metrics=False)
    with pytest.raises(DoorError) as raised:
        await serve_http(app, replace(settings), trio.Event(), 0)
    assert "PEM" in raised.value.remedy
