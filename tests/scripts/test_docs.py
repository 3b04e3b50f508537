"""What README and docs say is so: commands run, links lead somewhere, codes and figures exist.

A command that is too slow or too sweeping for here is named in `ELSEWHERE` with the test that runs
it; a command nobody knows fails, so that no document gains one that no test runs.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from config.sections.api import ApiSettings
from consensus.errors import CallError
from consensus.ledger import transition
from daemon.cli.output import Exit
from daemon.engine.errors import Why
from daemon.http.app import build_app
from daemon.http.errors import STATUSES
from daemon.http.keys import ApiKeys
from daemon.telemetry import Telemetry
from tests.daemon.http.fixed_view import FixedView

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE = {
    "scripts/devnet": "tests/processes/test_devnet.py",
    "scripts/test": ".ci/run",
    "scripts/simulate": "tests/sim",
    "pip install": "scripts/setup.py",
}
"""The first words of a command, and what runs it."""


def read_commands(document: Path) -> list[str]:
    """Return the commands of a document's fenced blocks without a language, comments cut off."""
    blocks = re.findall(r"^```\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    known = ("neurond ", "scripts/", "pip ", "python ")
    return [line.partition(" #")[0].strip() for line in lines if line.startswith(known)]


def find_elsewhere(command: str) -> str | None:
    return next((place for start, place in ELSEWHERE.items() if command.startswith(start)), None)


def make_environment(folder: Path) -> dict[str, str]:
    """Return what a command runs in: an empty home, a password, free ports on loopback."""
    (folder / "password").write_text("correct horse\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEUROND_")}
    return kept | {
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        "NEUROND_PASSWORD_FILE": str(folder / "password"),
        "NEUROND_API__LISTEN": f"127.0.0.1:{port}",
        "NEUROND_P2P__LISTEN": "/ip4/127.0.0.1/tcp/0",
    }


def start(command: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    words = command.replace(" FILE ", " first/network.toml ").split()
    return subprocess.Popen(
        [sys.executable, "-m", "daemon", *words[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_until_it_answers(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Run a daemon until its door answers `neurond status`, then end it."""
    node = start(command, folder, environment)
    try:
        for _ in range(60):
            asked = start(f"neurond status {command.split(maxsplit=2)[2]}", folder, environment)
            asked.communicate(timeout=30)
            if asked.returncode != Exit.UNREACHABLE or node.poll() is not None:
                break
            time.sleep(1)  # starting has more use for the processor than being asked
        node.send_signal(signal.SIGTERM)
        text, _ = node.communicate(timeout=30)
    finally:
        node.kill()
    assert node.returncode == 0, text
    assert "HTTP door open" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "docs/operate.md"])
def test_the_node_s_commands_do_what_the_document_says(name: str, tmp_path: Path) -> None:
    commands = read_commands(ROOT / name)
    assert any(command.startswith("neurond run") for command in commands)
    environment = make_environment(tmp_path)
    network = "neurond init --network devnet --role validator --dir first"
    first = start(network, tmp_path, environment)
    text, _ = first.communicate(timeout=60)
    assert first.returncode == 0, text
    for command in commands:
        if not command.startswith("neurond "):
            continue
        if command.startswith("neurond run"):
            run_until_it_answers(command, tmp_path, environment)
            continue
        process = start(command, tmp_path, environment)
        text, _ = process.communicate(timeout=60)
        assert process.returncode == 0, f"{command}\n{text}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_is_run_by_a_test(document: Path) -> None:
    for command in read_commands(document):
        if command.startswith("neurond "):
            continue
        if command.startswith("scripts/vectors check"):
            continue  # tests/scripts/tools/vectors/test_vectors.py
        place = find_elsewhere(command)
        assert place is not None, f"{command!r} is run by no test"
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"(?<!!)\[[^]]*\]\(([^)#]+)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


async def test_every_path_a_document_asks_for_is_served() -> None:
    app = build_app(FixedView(), Telemetry(), ApiSettings(), ApiKeys(None), metrics=True)
    transport = httpx.ASGITransport(app)  # pyright: ignore[reportArgumentType] # looser ASGI types
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        described = (await client.get("/openapi.json")).json()["paths"]
    served = [re.sub(r"\{[^}]*\}", "[^/]+", path) for path in described]
    text = "\n".join(document.read_text() for document in DOCUMENTS)
    paths = set(re.findall(r"`(?:GET )?(/(?:chain|healthz|readyz|metrics|events)[^` ]*)`", text))
    assert len(paths) > 5
    for path in paths:
        assert any(re.fullmatch(pattern, path) for pattern in served), path


def test_every_figure_a_document_names_is_published() -> None:
    text = "\n".join(document.read_text() for document in DOCUMENTS)
    published = Telemetry().render().decode()
    names = set(re.findall(r"`(neurond_[a-z_]+)`", text))
    assert len(names) > 3
    assert {
        name for name in names if f"# HELP {name.removesuffix('_total')}" not in published
    } == set()


# -- docs/errors.md --------------------------------------------------------------------------------


def read_rows(heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading of docs/errors.md."""
    section = (ROOT / "docs" / "errors.md").read_text().split(heading)[1].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines[1:]]


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = read_rows("# Exit codes and errors")
    assert [(row[0], row[1]) for row in rows] == [
        (str(int(code)), code.name.lower()) for code in Exit
    ]


def test_the_door_s_codes_are_all_listed() -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "daemon").rglob("*.py"))
    raised = set(re.findall(r'ApiError\(\s*(\d+), "(\w+)"', text))
    for why, code in re.findall(r'NodeError\(\s*Why\.(\w+), "(\w+)"', text):
        raised.add((str(STATUSES[Why[why]]), code))
    listed = {(row[0], row[1]) for row in read_rows("## The HTTP door")}
    assert len(raised) > 8
    assert raised <= listed


def test_the_codes_of_failed_calls_are_those_of_the_law() -> None:
    assert transition.__doc__  # its import brings every rule's errors in
    law = sorted(CallError.__subclasses__(), key=lambda error: error.code)
    rows = read_rows("## Transactions")
    assert [(row[0], row[1], row[3].replace("`", "")) for row in rows] == [
        (str(error.code), error.__name__, error.remedy.replace("`", "")) for error in law
    ]
