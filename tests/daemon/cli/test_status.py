import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from config.sections.api import ApiSettings
from daemon.cli.app import main
from daemon.cli.output import Exit
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.server import serve_http
from daemon.telemetry import Telemetry
from daemon.views.node import Check
from tests.daemon.http.fixed_view import FixedView, kept_log

KEY = "0123456789abcdef0123"
Capture = pytest.CaptureFixture[str]


async def ask(view: FixedView, *arguments: str, keys_file: Path | None = None) -> int:
    """Run `neurond status` against a door that shows `view`."""
    settings = replace(ApiSettings(), listen="127.0.0.1:0", keys_file=keys_file)
    app = build_app(view, Telemetry(), settings, ApiKeys(keys_file), metrics=False)
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(partial(serve_http, app, settings, stop, 1.0))
        call = ("status", "--api", address, *arguments)
        code = await trio.to_thread.run_sync(main, call)
        stop.set()
    return code


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


async def test_status_of_a_ready_node_is_a_table_and_exit_0(capsys: Capture):
    assert await ask(FixedView()) == Exit.OK
    text = capsys.readouterr().out
    assert "alice" in text
    assert "21,000,000 TAO" in text
    assert "miner in subnet 1, ready" in text


async def test_status_as_json_is_one_document_with_readiness(capsys: Capture):
    assert await ask(FixedView(), "--json") == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer["height"] == 3
    assert answer["readiness"]["ready"] is True


async def test_a_node_that_is_not_ready_exits_with_1_and_says_the_remedy(capsys: Capture):
    view = FixedView(checks=(Check("peers", ok=False, detail="none", remedy="Add bootstrap."),))
    assert await ask(view) == Exit.FAILED
    text = capsys.readouterr().out
    assert "FAILS" in text
    assert "Add bootstrap." in text


async def test_the_node_s_own_error_is_passed_on(capsys: Capture):
    with kept_log() as log:
        assert await ask(FixedView(broken=True), "--json") == Exit.FAILED
    assert "planted" in log.getvalue()
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "internal"


async def test_a_door_with_keys_is_asked_with_the_first_of_them(tmp_path: Path, capsys: Capture):
    file = tmp_path / "api-keys"
    file.write_text(f"# mine\n{KEY}\n")
    assert await ask(FixedView(), keys_file=file) == Exit.FAILED
    assert "needs a key" in capsys.readouterr().err
    assert await ask(FixedView(), "--set", f"api.keys_file={file}", keys_file=file) == Exit.OK


async def test_something_else_that_answers_is_no_node(capsys: Capture):
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"SSH-2.0-OpenSSH\r\n")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        port = listener.socket.getsockname()[1]
        call = ("status", "--api", f"http://127.0.0.1:{port}")
        assert await trio.to_thread.run_sync(main, call) == Exit.UNREACHABLE
        nursery.cancel_scope.cancel()
    assert "No node answers" in capsys.readouterr().err
