"""A node that a vote makes too old: it warns, takes part to the last block, and then stops."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
import trio
from nacl.signing import SigningKey

from config.network import load_network
from consensus import codec, crypto
from consensus.calls.accounts import Transfer
from consensus.calls.governance import CastVote, ChangeProtocol, Propose
from consensus.ledger.genesis import compute_chain_id
from consensus.ledger.state import Draft, State
from consensus.ledger.voting.proposals import Upgrade, get_governance, put_governance
from consensus.quantities import RAO_PER_TAO, U32, Amount, Height, Nonce, PublicKey
from consensus.types import Call, Transaction
from daemon.cli.app import main
from daemon.cli.output import Exit
from daemon.engine.upgrades import LAST_CALL_MS, ProtocolTooOld, check_protocol, find_notice
from daemon.version import PROTOCOL_VERSION
from storage.keys.keystore import KeyKind, Keystore
from storage.store import open_store
from tests.builders import make_state
from tests.daemon import world

ROOT = Path(__file__).parents[3]
NEWER = U32(PROTOCOL_VERSION + 1)


def _scheduled(height: int, version: int = NEWER) -> State:
    """Return a state after genesis in which `version` is needed from `height` on."""
    return _schedule(make_state(), height, version)


def _schedule(state: State, height: int, version: int = NEWER) -> State:
    draft = Draft(state, Height(0))
    upgrades = (Upgrade(U32(version), Height(height)),)
    put_governance(draft, replace(get_governance(draft), upgrades=upgrades))
    return draft.freeze()


# -- what is said ---------------------------------------------------------------------------------


def test_a_version_this_node_has_is_no_reason_to_stop_or_warn() -> None:
    for state in (make_state(), _scheduled(1, PROTOCOL_VERSION)):
        check_protocol(state)
        assert find_notice(state) is None


def test_a_newer_version_stops_the_node_right_before_its_height() -> None:
    check_protocol(_scheduled(2))
    with pytest.raises(ProtocolTooOld, match=f"Block 1 needs protocol {NEWER}") as caught:
        check_protocol(_scheduled(1))
    assert f"protocol {NEWER}" in caught.value.remedy


def test_the_warning_says_how_many_blocks_are_left() -> None:
    notice = find_notice(_scheduled(11))
    assert notice is not None
    assert (notice.height, notice.blocks_left) == (11, 10)
    assert f"block 11 needs protocol {NEWER}" in str(notice)
    assert notice.is_last_call(LAST_CALL_MS // 10 - 1)
    assert not notice.is_last_call(LAST_CALL_MS // 10)


# -- whole nodes in one loop ----------------------------------------------------------------------


@pytest.mark.slow
async def test_no_block_of_a_newer_version_is_built_or_applied(tmp_path: Path) -> None:
    genesis = world.make_world()
    async with world.open_parts(genesis, tmp_path) as node:
        chain, committee = node.chain, node.driver.machine.committee
        block = world.make_next(committee, chain)
        digest = crypto.compute_header_digest(block.header)
        assert await chain.execute(block, digest) is None
        head = chain.head
        scheduled = replace(head, state=_schedule(head.state, 1))
        chain._head = scheduled  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(ProtocolTooOld):
            chain.build(head.digest)
        chain.forget(lambda _digest: True)
        with pytest.raises(ProtocolTooOld):
            await chain.execute(block, digest)
        assert chain.open_count == 0
        assert node.view.status().upgrade is not None


# -- a process -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a lone validator of a network with quick blocks and short votes."""
    folder = tmp_path / "node"
    arguments = ["init", "--network", "devnet", "--dir", str(folder), "--insecure-devnet", "--yes"]
    assert main(arguments) == Exit.OK
    file = folder / "network.toml"
    text = re.sub(r"(?m)^genesis_hash.*\n", "", file.read_text())
    for name, value in {"block_ms": 100, "voting_blocks": 20, "enactment_blocks": 25}.items():
        text = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
    file.write_text(text)
    return folder


@contextmanager
def _run(folder: Path) -> Generator[tuple[subprocess.Popen[str], Path]]:
    log = folder.parent / "log.txt"
    chosen = ("api.listen=127.0.0.1:0", 'p2p.listen=["/ip4/127.0.0.1/tcp/0"]')
    flags = [flag for item in chosen for flag in ("--set", item)]
    config = str(folder / "node.toml")
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "--config", config, "--json", *flags],
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process, log
        finally:
            process.kill()
            process.wait()


def _lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith('{"')]


def _wait_door(process: subprocess.Popen[str], log: Path) -> str:
    end = monotonic() + 60
    while monotonic() < end:
        assert process.poll() is None, log.read_text()
        for line in _lines(log):
            if line.get("event") == "HTTP door open":
                return re.findall(r"http://[^\"']+", str(line["addresses"]))[0]
        sleep(0.05)
    raise AssertionError(log.read_text())


class _Sender:
    """Signs with the keys of the folder and hands in at the door."""

    def __init__(self, folder: Path, api: str) -> None:
        self._keystore = Keystore(folder / "keys")
        self._chain_id = compute_chain_id(load_network(str(folder / "network.toml")))
        self._api = api
        self._nonces: dict[bytes, int] = {}

    def key(self, name: str) -> SigningKey:
        kind = KeyKind.HOTKEY if name == "hotkey" else KeyKind.COLDKEY
        return SigningKey(self._keystore.load(name, kind, "").seed)

    def send(self, name: str, call: Call) -> None:
        key = self.key(name)
        signer = PublicKey(bytes(key.verify_key))
        nonce = self._nonces.get(signer, 0)
        self._nonces[signer] = nonce + 1
        transaction = Transaction(
            self._chain_id, signer, Nonce(nonce), Height(900), Amount(0), call
        )
        data = codec.encode(crypto.sign_transaction(key, transaction))
        answer = httpx.post(self._api + "/chain/transactions", content=data)
        assert answer.is_success, answer.text

    def wait_height(self, height: int) -> None:
        end = monotonic() + 60
        while httpx.get(self._api + "/chain/status").json()["height"] < height:
            assert monotonic() < end
            sleep(0.02)

    def height(self) -> int:
        return int(httpx.get(self._api + "/chain/status").json()["height"])


async def _read_height(folder: Path) -> int:
    chain_id = compute_chain_id(load_network(str(folder / "network.toml")))
    async with open_store(folder / "data", chain_id) as store:
        head = store.blocks.head()
        assert head is not None
        return head.height


@pytest.mark.slow
def test_a_node_too_old_warns_then_stops_and_says_the_same_when_started_again(folder: Path) -> None:
    with _run(folder) as (process, log):
        api = _wait_door(process, log)
        sender = _Sender(folder, api)
        hotkey = PublicKey(bytes(sender.key("hotkey").verify_key))
        sender.send("coldkey", Transfer(hotkey, Amount(5 * RAO_PER_TAO)))
        sender.wait_height(sender.height() + 2)
        sender.send("hotkey", Propose(ChangeProtocol(NEWER), Height(sender.height() + 20)))
        sender.wait_height(sender.height() + 2)
        sender.send("hotkey", CastVote(U32(0), is_yes=True))
        assert httpx.get(api + "/chain/status").json()["upgrade"] is None
        end = monotonic() + 60
        while (upgrade := httpx.get(api + "/chain/status").json()["upgrade"]) is None:
            assert monotonic() < end, log.read_text()
            sleep(0.05)
        assert f"needs protocol {NEWER}" in upgrade
        checks = {each["name"]: each for each in httpx.get(api + "/readyz").json()["checks"]}
        assert not checks["protocol"]["ok"]
        assert "WARNING" in checks["protocol"]["detail"]
        assert process.wait(60) == Exit.PROTOCOL
        text = log.read_text()
        warned = [line for line in _lines(log) if "too old" in str(line.get("event"))]
        assert len(warned) >= 1
        stops_before = int(str(warned[0]["stops_before"]))
        assert f"Block {stops_before} needs protocol {NEWER}" in text
        assert '"code": "protocol_too_old"' in text
        assert "Traceback" not in text
    assert trio.run(partial(_read_height, folder)) == stops_before - 1
    with _run(folder) as (process, log):
        assert process.wait(60) == Exit.PROTOCOL
        text = log.read_text()
        assert f"Block {stops_before} needs protocol {NEWER}" in text
        assert '"code": "protocol_too_old"' in text
        assert "Traceback" not in text
