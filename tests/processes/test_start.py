"""A daemon that can't start says why and what to do, with its exit code, and touches nothing."""

import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.cli.output import Exit
from scripts.tools.devnet.plan import Options
from tests.processes.cluster import Cluster, run_daemon, wait_until, write_cluster

pytestmark = pytest.mark.slow

ALONE = Options(nodes=1, validators=0, miners=0, block_ms=200, tempo=8)
"""One validator is its own quorum: the cheapest live chain."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node with a few blocks on its disk, not running; tests work on copies."""
    cluster = write_cluster(tmp_path_factory.mktemp("alone"), ALONE)
    try:
        cluster.start(0)
        wait_until(lambda: cluster.height(0) >= 3, 30, "three blocks")
        assert cluster.stop(0) == [], "it did not end when asked"
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def copy(stopped: Cluster, tmp_path: Path) -> Cluster:
    shutil.copytree(stopped.folder, tmp_path / "net")
    return Cluster(tmp_path / "net", stopped.state)


def config(cluster: Cluster) -> Path:
    return cluster.home(0) / "node.toml"


def test_a_copy_of_a_stopped_node_goes_on_where_it_was(copy: Cluster) -> None:
    """The other tests damage such a copy: it must be sound before."""
    try:
        copy.start(0)
        wait_until(lambda: copy.height(0) >= 5, 30, "more blocks")
    finally:
        copy.close()


@pytest.mark.parametrize("which", ["p2p_port", "api_port"])
def test_a_port_in_use_is_named(copy: Cluster, which: str) -> None:
    port: int = getattr(copy.nodes[0], which)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = run_daemon(config(copy))
    assert done.returncode == Exit.PORT, done.stdout
    assert str(port) in done.stdout
    assert "Traceback" not in done.stdout


def test_every_mistake_of_a_configuration_is_told_at_once_with_its_line(copy: Cluster) -> None:
    file = config(copy)
    text = file.read_text().replace("validate = true", 'validate = "perhaps"')
    file.write_text(text.replace("[node]", '[node]\ncolour = "red"'))
    done = run_daemon(file)
    assert done.returncode == Exit.USAGE, done.stdout
    assert "colour" in done.stdout
    assert "validate" in done.stdout
    assert "Traceback" not in done.stdout
    lines = [n for n, line in enumerate(file.read_text().splitlines(), 1) if "colour" in line]
    assert f"{lines[0]}" in done.stdout


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run_daemon(tmp_path / "nothing.toml")
    assert done.returncode == Exit.USAGE, done.stdout
    assert "nothing.toml" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_folder_of_another_network_is_refused_and_untouched(
    copy: Cluster, tmp_path: Path
) -> None:
    other = write_cluster(tmp_path / "other", replace(ALONE, tempo=12))
    data = other.home(0) / "data"
    shutil.copytree(copy.home(0) / "data", data)
    before = digest_files(data)
    done = run_daemon(config(other))
    assert done.returncode == Exit.USAGE, done.stdout
    assert "network" in done.stdout.lower()
    assert "Traceback" not in done.stdout
    assert digest_files(data) == before


def digest_files(folder: Path) -> dict[str, int]:
    """Return each data file's content hash; locks may be touched."""
    return {
        str(path.relative_to(folder)): hash(path.read_bytes())
        for path in sorted(folder.rglob("*.mdb"))
        if "lock" not in path.name
    }


def main_file(cluster: Cluster) -> Path:
    files = list((cluster.home(0) / "data").rglob("data.mdb"))
    return max(files, key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("how", ["garbage", "truncated", "zeroed"])
def test_a_damaged_database_is_refused_with_the_way_out(copy: Cluster, how: str) -> None:
    file = main_file(copy)
    data = file.read_bytes()
    match how:
        case "garbage":
            file.write_bytes(b"\xa5" * len(data))
        case "truncated":
            file.write_bytes(data[: len(data) // 3])
        case _:
            file.write_bytes(data[:8192] + bytes(len(data) - 8192))
    done = run_daemon(config(copy))
    assert done.returncode == Exit.DATA, done.stdout
    assert "Traceback" not in done.stdout
    assert "data" in done.stdout


def test_a_missing_key_is_named(copy: Cluster) -> None:
    for path in (copy.home(0) / "keys").glob("*consensus*"):
        path.unlink()
    done = run_daemon(config(copy))
    assert done.returncode == Exit.KEY, done.stdout
    assert "consensus" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_second_daemon_on_one_folder_is_refused_and_the_first_goes_on(copy: Cluster) -> None:
    try:
        copy.start(0)
        wait_until(lambda: copy.height(0) >= 0, 30, "it answers")
        done = run_daemon(config(copy))
        assert done.returncode == Exit.DATA, done.stdout
        assert "Traceback" not in done.stdout
        copy.wait_rise((0,), 2, 20)
    finally:
        copy.close()


def test_asked_to_end_it_ends_with_0_and_leaves_no_process(copy: Cluster) -> None:
    copy.start(0)
    try:
        wait_until(lambda: copy.height(0) >= 0, 30, "it answers")
        assert copy.stop(0) == []
        assert "Traceback" not in copy.log(0)
    finally:
        copy.close()
