"""`run_node` as the operator meets it: a process with signals, a service manager and exit codes."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from time import monotonic, sleep

import httpx
import pytest

from config.errors import Misfit
from daemon.cli.app import main
from daemon.cli.output import Exit
from daemon.engine.bootstrap import WrongBeacon
from tests.daemon.http.fixed_view import kept_log

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.slow  # each starts a process, and a beacon has a million hashes


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a node that is its network's only validator."""
    folder = tmp_path_factory.mktemp("operator") / "node"
    arguments = ["init", "--network", "devnet", "--dir", str(folder), "--insecure-devnet", "--yes"]
    assert main(arguments) == Exit.OK
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder of the test's own."""
    copytree(written, tmp_path / "node")
    text = (
        (tmp_path / "node" / "node.toml").read_text().replace(str(written), str(tmp_path / "node"))
    )
    (tmp_path / "node" / "node.toml").write_text(text)
    return tmp_path / "node"


def _arguments(folder: Path, *settings: str) -> list[str]:
    chosen = ("api.listen=127.0.0.1:0", 'p2p.listen=["/ip4/127.0.0.1/tcp/0"]', *settings)
    flags = [flag for item in chosen for flag in ("--set", item)]
    return ["run", "--config", str(folder / "node.toml"), "--json", *flags]


# -- processes -------------------------------------------------------------------------------------


@dataclass
class Daemon:
    """A running daemon, its log as it comes, and its service manager's socket."""

    process: subprocess.Popen[str]
    log: Path
    manager: socket.socket
    told: list[str] = field(default_factory=list[str])

    def lines(self) -> Iterator[dict[str, object]]:
        for line in self.log.read_text().splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def events(self) -> list[object]:
        return [line["event"] for line in self.lines() if "event" in line]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait_told(self, state: str, limit_s: float = 30.0) -> None:
        """Wait until the daemon has told its manager `state`."""
        end = monotonic() + limit_s
        while state not in self.told:
            assert monotonic() < end, f"never told {state}: {self.log.read_text()}"
            assert self.process.poll() is None or state == "STOPPING=1", self.log.read_text()
            self.manager.settimeout(0.2)
            try:
                self.told.append(self.manager.recv(100).decode())
            except TimeoutError:
                continue

    def wait_end(self, limit_s: float = 10.0) -> int:
        return self.process.wait(limit_s)

    @property
    def api(self) -> str:
        for line in self.lines():
            if line.get("event") == "HTTP door open":
                return re.findall(r"http://[^\"']+", str(line["addresses"]))[0]
        raise AssertionError(self.log.read_text())


def _wait_until(is_true: Callable[[], bool], limit_s: float = 15.0) -> None:
    end = monotonic() + limit_s
    while not is_true():
        assert monotonic() < end
        sleep(0.02)


@contextmanager
def _run(
    folder: Path, *settings: str, environment: dict[str, str] | None = None, file_bytes: int = 0
) -> Generator[Daemon]:
    """Run the daemon of `folder`; `file_bytes`: largest file it may write."""

    def limit() -> None:
        if file_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    log, address = folder.parent / "log.txt", str(folder.parent / "manager")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, log.open("w") as stream:
        manager.bind(address)
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", *_arguments(folder, *settings)],
            cwd=ROOT,
            env=os.environ | {"NOTIFY_SOCKET": address} | (environment or {}),
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=limit,  # noqa: PLW1509 - nothing else runs in this process
        )
        try:
            yield Daemon(process, log, manager)
        finally:
            process.kill()
            process.wait()
            Path(address).unlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_node_in_order(folder: Path, number: signal.Signals):
    with _run(folder, environment={"WATCHDOG_USEC": "200000"}) as daemon:
        daemon.wait_told("READY=1")
        daemon.wait_told("WATCHDOG=1")
        assert httpx.get(daemon.api + "/healthz").is_success
        daemon.signal(number)
        daemon.wait_told("STOPPING=1")
        assert daemon.wait_end() == 0
        assert daemon.events()[-1] == "node stops"
        assert "Traceback" not in daemon.log.read_text()


def test_a_second_signal_ends_the_grace_of_requests(folder: Path):
    with _run(folder, "node.shutdown_grace_s=600") as daemon:
        daemon.wait_told("READY=1")
        host, port = daemon.api.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            head = "POST /chain/transactions HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nx"
            client.sendall(head.format(f"{host}:{port}").encode())
            sleep(0.3)  # it has arrived; nothing outside shows a request that waits for its body
            daemon.signal(signal.SIGTERM)
            daemon.wait_told("STOPPING=1")
            daemon.signal(signal.SIGTERM)
            assert daemon.wait_end(8) == 0


def test_signals_while_it_closes_do_no_harm(folder: Path):
    with _run(folder) as daemon:
        daemon.wait_told("READY=1")
        daemon.signal(signal.SIGTERM)
        while "node stops" not in daemon.events():
            assert daemon.process.poll() is None, daemon.log.read_text()
            daemon.signal(signal.SIGHUP)
            daemon.signal(signal.SIGINT)
            sleep(0.002)
        assert daemon.wait_end() == 0
        assert "Traceback" not in daemon.log.read_text()


def test_sighup_reads_the_log_level_anew_and_survives_any_file(folder: Path):
    file = folder / "node.toml"
    text = file.read_text()
    with _run(folder) as daemon:
        daemon.wait_told("READY=1")
        for content in ("node = 3", None):
            before = daemon.events().count("settings unchanged")
            file.unlink() if content is None else file.write_text(content)
            daemon.signal(signal.SIGHUP)
            _wait_until(lambda b=before: daemon.events().count("settings unchanged") > b)
        assert "settings read anew: log level and API keys" not in daemon.events()
        file.write_text(re.sub(r'(?m)^#?\s*log_level = "info"', 'log_level = "error"', text))
        daemon.signal(signal.SIGHUP)
        sleep(0.5)
        file.write_text(text)
        daemon.signal(signal.SIGHUP)
        _wait_until(lambda: "settings read anew: log level and API keys" in daemon.events())
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_end() == 0


def test_a_node_alone_goes_on_where_it_stopped(folder: Path):
    heights: list[int] = []
    for _ in range(2):
        with _run(folder) as daemon:
            daemon.wait_told("READY=1")
            first = httpx.get(daemon.api + "/chain/status").json()["height"]
            heights.append(first)
            _wait_until(
                lambda d=daemon, f=first: (
                    httpx.get(d.api + "/chain/status").json()["height"] >= f + 2
                )
            )
            daemon.signal(signal.SIGTERM)
            assert daemon.wait_end() == 0
    assert heights[1] >= heights[0] + 2


def test_a_full_disk_ends_the_node_with_the_code_for_data(folder: Path):
    with _run(folder) as daemon:
        daemon.wait_told("READY=1")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_end() == 0
    size = (folder / "data" / "chain" / "data.mdb").stat().st_size
    with _run(folder, file_bytes=size + 4_096) as daemon:
        assert daemon.wait_end(60) == Exit.DATA
        text = daemon.log.read_text()
        assert "Traceback" not in text
        assert '"code": "storage_f' in text  # full, or failed where the system says no more
        assert "disk" in text


# -- what does not fit ---------------------------------------------------------------------------


def _refusal(folder: Path, capsys: Capture, *settings: str) -> tuple[int, dict[str, str]]:
    with kept_log():
        code = main(_arguments(folder, *settings))
    printed = capsys.readouterr().out
    return code, json.loads(printed[printed.index("{") :])["error"]


def _create(folder: Path, name: str, kind: str, capsys: Capture) -> None:
    config = str(folder / "node.toml")
    assert main(["wallet", "create", name, "--kind", kind, "--config", config, "--yes"]) == Exit.OK
    capsys.readouterr()


def test_a_beacon_that_is_not_the_registered_one_is_refused(folder: Path, capsys: Capture):
    _create(folder, "other", "beacon", capsys)
    code, error = _refusal(folder, capsys, "agreement.beacon_key=other")
    assert (code, error["code"]) == (Exit.USAGE, "wrong_beacon")
    assert "'other'" in error["message"]
    assert "together" in error["remedy"]


def test_a_subnet_the_network_lacks_is_refused(folder: Path, capsys: Capture):
    code, error = _refusal(folder, capsys, "neuron.role=validator", "neuron.netuid=7")
    assert (code, error["code"]) == (Exit.USAGE, "neuron_config_error")
    assert "subnet 7" in error["message"]
    assert "neuron.netuid" in error["remedy"]


def test_each_misfit_says_what_to_do():
    errors: tuple[Misfit, ...] = (WrongBeacon("b"),)
    assert all(error.message and error.remedy for error in errors)
