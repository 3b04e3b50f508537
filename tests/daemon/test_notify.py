"""The service manager's protocol, through real datagram sockets."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.notify import notify, watchdog_interval_s


@contextmanager
def _manager(address: str) -> Generator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(1)
        yield manager


def test_a_state_arrives_as_one_datagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with _manager(str(tmp_path / "n")) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        assert notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_a_path_with_an_at_sign_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with _manager(str(tmp_path / "unit@1")) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "unit@1"))
        assert notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_a_name_of_the_abstract_space_is_reached(monkeypatch: pytest.MonkeyPatch):
    name = f"neurond-test-{os.getpid()}"
    with _manager("\0" + name) as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        assert notify("STOPPING=1")
        assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_without_a_listening_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify("READY=1")


def test_a_manager_that_does_not_read_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with _manager(str(tmp_path / "n")):
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        assert any(not notify("WATCHDOG=1") for _ in range(10_000))


@pytest.mark.parametrize(
    ("text", "interval_s"), [("3000000", 1.5), ("0", None), ("", None), ("-1", None), ("x", None)]
)
def test_the_watchdog_is_fed_twice_in_its_time(
    text: str, interval_s: float | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", text)
    assert watchdog_interval_s() == interval_s


def test_another_process_watchdog_is_not_ours_to_feed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_interval_s() == 1.5
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_interval_s() is None
