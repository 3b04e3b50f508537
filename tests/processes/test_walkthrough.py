"""docs/walkthrough.md as a reader follows it: its commands in one shell, beside a devnet."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.tools.devnet.folder import State, load_state
from scripts.tools.devnet.processes import ROOT
from tests.processes.cluster import START_S, wait_until

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "walkthrough.md"
DEVNET = str(ROOT / "scripts" / "devnet")
SIZES = {"nodes": 2, "validators": 0, "miners": 0, "block-ms": 500, "tempo": 64}
SMALL = [word for name, value in SIZES.items() for word in (f"--{name}", str(value))]
"""Two nodes agree as well as four. Blocks are quick, so an epoch needs many of them: a quarter of
it, 8 s, is the time to open weights in, and a busy machine takes 5 s for that."""
WALK_S = 300.0
"""Two epochs take 64 s of it; a command takes 1 s on an idle machine and 3 s on a busy one."""
ADDRESS = re.compile(r"\b5[1-9A-HJ-NP-Za-km-z]{3,48}\b(\.\.\.)?")
HEX = re.compile(r"\b[0-9a-f]{12,128}\b(\.\.\.)?")


@dataclass(slots=True)
class Step:
    """One command of the page, what the page says it prints, and what it printed."""

    command: str
    shown: list[str]
    printed: str = ""
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """The whole walk, and the network it went through, which still runs."""

    steps: list[Step]
    api: str

    def find(self, words: str) -> Step:
        """Return the first step whose command has these words."""
        return next(step for step in self.steps if words in step.command)

    def ask(self, path: str) -> Any:  # noqa: ANN401 - JSON is anything
        return httpx.get(self.api + path, timeout=5.0).raise_for_status().json()


def read_steps(page: Path) -> list[Step]:
    """Return the commands of the page: after `$` with what they print, or bare ones to paste."""
    steps: list[Step] = []
    blocks = re.findall(r"^```(console|sh)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    for kind, block in blocks:
        for line in block.splitlines():
            if kind == "sh":
                steps.append(Step(line, []))
            elif line.startswith("$ "):
                steps.append(Step(line.removeprefix("$ "), []))
            elif steps[-1].command.endswith("\\"):
                steps[-1].command += "\n" + line.removeprefix("> ")
            else:
                steps[-1].shown.append(line)
    return steps


def make_shell(folder: Path) -> dict[str, str]:
    """Write `scripts` as a checkout has it, but for this network; return the environment."""
    python, root = shlex.quote(sys.executable), shlex.quote(str(ROOT))
    programs = {
        "neurond": f'PYTHONPATH={root} exec {python} -m daemon "$@"',
        "devnet": f'exec {shlex.quote(DEVNET)} "$@" --data {shlex.quote(str(folder / "net"))}',
    }
    (folder / "scripts").mkdir()
    for name, line in programs.items():
        (folder / "scripts" / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / "scripts" / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEUROND_")}
    return kept | {"HOME": str(folder / "home")}


def walk(steps: list[Step], folder: Path) -> None:
    """Run the commands one after another in one shell; stop at the first that fails."""
    lines = ["set -o pipefail"]
    for number, step in enumerate(steps):
        lines += [step.command, f"code=$?; echo; echo @@ {number} $code", "[ $code = 0 ] || exit 0"]
    script, out = folder / "walk.sh", folder / "walk.txt"
    script.write_text("\n".join(lines) + "\n")
    with out.open("wb") as stream:
        shell = subprocess.Popen(
            ["bash", str(script)],
            cwd=folder,
            env=make_shell(folder),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            shell.wait(WALK_S)
        except subprocess.TimeoutExpired:
            pass  # what it did not come to is found below
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()
    begin, text = 0, out.read_text(errors="replace")
    for mark in re.finditer(r"^@@ (\d+) (\d+)\n", text, re.MULTILINE):
        step = steps[int(mark.group(1))]
        step.printed, step.code = text[begin : mark.start()], int(mark.group(2))
        begin = mark.end()
    stuck = next((step for step in steps if step.code != 0), None)
    assert stuck is None, f"{stuck}\n{text[-4000:]}"


def find_network(data: Path) -> State | None:
    """Return the devnet once its first node answers."""
    state = load_state(data) if data.is_dir() else None
    if state is None:
        return None
    try:
        httpx.get(f"{state.nodes[0].api}/chain/status", timeout=2.0).raise_for_status()
    except httpx.HTTPError:
        return None
    return state


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Every command of the page has run, and ended with 0."""
    folder = tmp_path_factory.mktemp("walk")
    first, *steps = read_steps(PAGE)
    assert first.command.startswith("scripts/devnet"), "the reader's other terminal"
    data = folder / "net"
    with (folder / "devnet.txt").open("wb") as out:
        running = subprocess.Popen([DEVNET, *SMALL, "--data", str(data)], stdout=out, stderr=out)
    try:
        wait_until(lambda: find_network(data) is not None, START_S, "the devnet answers")
        state = find_network(data)
        assert state is not None
        walk(steps, folder)
        yield Walk(steps, state.nodes[0].api)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0, (folder / "devnet.txt").read_text()
    finally:
        subprocess.run([DEVNET, "down", "--data", str(data)], check=False, capture_output=True)
        running.kill()
        running.wait()


def test_the_market_exists_under_its_name_and_has_started(walked: Walk) -> None:
    subnet = walked.ask("/chain/subnets/2")
    assert subnet["identity"]["name"] == "Next byte"
    assert subnet["row"]["state"] == "started"
    assert int(subnet["row"]["injected"]) > 0


def test_emission_went_to_the_miner_that_got_the_weight(walked: Walk) -> None:
    judge, miner = walked.ask("/chain/metagraph/2")["neurons"]
    assert int(miner["emission"]) > 0
    assert miner["incentive"] == 1
    assert judge["incentive"] == 0
    explained = walked.find("explain 2 1").printed
    assert "Earned in all" in explained
    assert f"{int(miner['emission']) / 1e9:.9f}".rstrip("0") in explained


def test_the_miner_goes_on_under_its_new_key(walked: Walk) -> None:
    address = find_address(walked, "bob", "miner2")
    assert walked.ask("/chain/metagraph/2")["neurons"][1]["hotkey"] == address


def test_what_was_voted_holds(walked: Walk) -> None:
    assert "enacted" in walked.find("query proposal 0").printed
    assert walked.ask("/chain/params")["params"]["payment_burn_ppm"] == "50000"


def test_the_voucher_was_paid(walked: Walk) -> None:
    payer = find_address(walked, "alice", "alice")
    (channel,) = walked.ask(f"/chain/account/{payer}/channels")["pays"]
    assert channel["redeemed"] == "1500000000"


def test_the_proof_was_checked(walked: Walk) -> None:
    assert "Proven: as of block" in walked.steps[-1].printed
    assert find_address(walked, "alice", "alice") in walked.steps[-1].printed


def find_address(walked: Walk, wallet: str, key: str) -> str:
    created = walked.find(f"wallet create {wallet}").printed
    return next(line.split()[2] for line in created.splitlines() if line.startswith(f"{key} "))


def test_every_line_the_page_shows_is_one_that_is_printed(walked: Walk) -> None:
    """Figures, addresses and left-out columns apart: the words are there, in their order."""
    strange = [
        (step.command, line)
        for step in walked.steps
        for line in step.shown
        if not any(is_within(line, real) for real in step.printed.splitlines())
    ]
    assert strange == [], json.dumps(strange, indent=1)


def is_within(shown: str, printed: str) -> bool:
    left = iter(read_words(printed))
    return all(word in left for word in read_words(shown))


def read_words(line: str) -> list[str]:
    return re.findall(r"[A-Za-z_]{2,}", HEX.sub(" ", ADDRESS.sub(" ", line)))
