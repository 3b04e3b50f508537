"""The verbs that change the chain, against a real door with a real chain behind it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from consensus import codec, crypto
from consensus.agreement.beacon import HashChain
from consensus.calls import governance, neurons, payments, rotation, staking, subnets
from consensus.calls.accounts import SetIdentity, Transfer
from consensus.ledger.records import get_network
from consensus.ledger.state import State
from consensus.quantities import (
    I64,
    U32,
    U64,
    U64_MAX,
    ZERO_HASH,
    Amount,
    Hash32,
    Height,
    Identity,
    LongText,
    NetUid,
    Ratio16,
    ShortText,
    TaskParams,
)
from consensus.types import Call, Transaction
from daemon.cli.output import Exit
from daemon.cli.tx import weighing
from daemon.cli.tx.catalog import ENTRIES, get_entry
from daemon.cli.tx.governing import write_voucher
from tests import builders
from tests.builders import SUBNET, TAO, key_of, sign_as
from tests.daemon import world
from tests.daemon.http.door import Capture, open_door
from tests.house.calls import find_rules

GENESIS = world.make_world()
HASH = Hash32(bytes.fromhex("ab" * 32))
WORDS = Identity(
    ShortText("A"), ShortText("https://a.example"), ShortText("a@a"), LongText("Hello.")
)
IDENTITY = "--name A --url https://a.example --contact a@a --about Hello."
VOUCHER = payments.Voucher(HASH, Amount(TAO), ZERO_HASH, builders.sign_as("alice", b"no matter"))


@pytest.fixture(autouse=True)
def _no_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROND_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voucher.json").write_text(json.dumps(write_voucher(VOUCHER)))


def amount(tao: float) -> Amount:
    return Amount(round(tao * TAO))


def cost(state: State, rao: int) -> Amount:
    """Return what is accepted by default of something that costs `rao`: a percent more."""
    return Amount(-(-rao * 101 // 100))


def make_serve(state: State) -> neurons.Serve:
    served = builders.make_serve(state, "hot0")
    return replace(served, price=amount(0.00001), capacity=U32(4))


def make_consensus_key(state: State) -> rotation.SetConsensusKey:
    tip = HashChain(bytes(builders.signer_of("beacon"))).tip
    message = crypto.consensus_message(get_network(state).chain_id, key_of("hot0"), tip)
    signature = sign_as("consensus", message)
    return rotation.SetConsensusKey(key_of("hot0"), key_of("consensus"), signature, tip)


Expected = Callable[[State], Call]
CASES: dict[str, tuple[str, Expected]] = {
    "transfer": ("bob 1.5 -w alice", lambda _: Transfer(key_of("bob"), amount(1.5))),
    "set-identity": (f"{IDENTITY} -w alice", lambda _: SetIdentity(WORDS)),
    "stake-root": (
        "5 --hotkey hot0 -w alice",
        lambda _: staking.StakeRoot(key_of("hot0"), amount(5)),
    ),
    "unstake-root": (
        "5 --hotkey hot0 -w cold0",
        lambda _: staking.UnstakeRoot(key_of("hot0"), amount(5)),
    ),
    "set-take": (
        "9% --hotkey hot0 -w cold0",
        lambda _: staking.SetTake(key_of("hot0"), Ratio16(5898)),
    ),
    "stake": (
        "1 25 --hotkey hot0 -w alice",
        lambda _: staking.StakeAlpha(SUBNET, key_of("hot0"), amount(25), amount(1.01)),
    ),
    "unstake": (
        "1 25 --hotkey hot0 -w cold0 --slippage 2.5",
        lambda _: staking.UnstakeAlpha(SUBNET, key_of("hot0"), amount(25), amount(0.975)),
    ),
    "move-stake": (
        "1 5 hot1 --hotkey hot0 -w cold0",
        lambda _: staking.MoveStake(SUBNET, key_of("hot0"), key_of("hot1"), amount(5)),
    ),
    "swap-stake": (
        "1 1 5 --hotkey hot0 --to-hotkey hot1 -w cold0 --limit 0.5 --to-limit any",
        lambda _: staking.SwapStake(
            SUBNET, key_of("hot0"), SUBNET, key_of("hot1"), amount(5), amount(0.5), Amount(U64_MAX)
        ),
    ),
    "transfer-stake": (
        "0 5 bob --hotkey hot0 -w cold0",
        lambda _: staking.TransferStake(NetUid(0), key_of("hot0"), key_of("bob"), amount(5)),
    ),
    "set-auto-stake": (
        "1 --hotkey hot0 -w cold0",
        lambda _: staking.SetAutoStake(SUBNET, key_of("hot0")),
    ),
    "set-children": (
        "1 --hotkey hot0 --child hot1=30% --child new=0.2 -w cold0",
        lambda _: staking.SetChildren(
            SUBNET,
            key_of("hot0"),
            (
                staking.Child(key_of("hot1"), Ratio16(19_660)),
                staking.Child(key_of("new"), Ratio16(13_107)),
            ),
        ),
    ),
    "register": (
        "1 --hotkey new -w alice",
        lambda state: builders.make_registration(state, "new", max_price=cost(state, 500_000)),
    ),
    "leave": ("1 --hotkey hot0 -w cold0", lambda _: neurons.LeaveSubnet(SUBNET, key_of("hot0"))),
    "serve": ("1 0.00001 4 --protocol text/1 --node-key node -w hot0", make_serve),
    "publish-model": (
        f"1 {HASH.hex()} https://m.example -w hot0",
        lambda _: neurons.PublishModel(SUBNET, HASH, ShortText("https://m.example")),
    ),
    "commit-weights": (
        f"1 2=1 3=0.5 --version 1 --scorer {HASH.hex()} -w hot0",
        lambda state: replace(
            builders.make_commit(state, "hot0", builders.make_reveal({2: 65_535, 3: 32_767})),
            scorer=HASH,
        ),
    ),
    "reveal-weights": (
        "1 --epoch 0 --salt-file row.json -w hot0",
        lambda _: builders.make_reveal({2: 65_535, 3: 32_767}),
    ),
    "open-channel": (
        "1 hot0 2.5 --expiry +100 -w alice",
        lambda state: payments.OpenChannel(
            key_of("hot0"), SUBNET, amount(2.5), Height(state.height + 100)
        ),
    ),
    "redeem-voucher": ("voucher.json -w hot0", lambda _: payments.RedeemVoucher(VOUCHER)),
    "close-channel": (f"{HASH.hex()} -w hot0", lambda _: payments.CloseChannel(HASH)),
    "register-subnet": (
        "text --task-params a0 --scorer-version 7 --hotkey hot0 --max-cost 2000 -w cold0",
        lambda _: subnets.RegisterSubnet(
            key_of("hot0"),
            ShortText("text"),
            TaskParams(b"\xa0"),
            U64(7),
            ZERO_HASH,
            amount(2_000),
            (),
        ),
    ),
    "start-subnet": ("1 -w alice", lambda _: subnets.StartSubnet(SUBNET)),
    "set-hyperparameter": (
        "1 tempo 360 -w alice",
        lambda _: subnets.SetHyperparameter(SUBNET, ShortText("tempo"), I64(360)),
    ),
    "set-mechanism": (
        f"1 text --activation +9 --scorer-hash {HASH.hex()} -w alice",
        lambda state: subnets.SetMechanism(
            SUBNET, ShortText("text"), TaskParams(b""), U64(0), HASH, Height(state.height + 9)
        ),
    ),
    "set-subnet-identity": (
        f"1 {IDENTITY} -w alice",
        lambda _: subnets.SetSubnetIdentity(SUBNET, WORDS),
    ),
    "swap-hotkey": (
        "new --hotkey hot0 -w cold0",
        lambda state: rotation.SwapHotkey(
            key_of("hot0"), key_of("new"), (builders.make_consent(state, "new", "cold0"),)
        ),
    ),
    "announce-coldkey-swap": (
        "bob -w alice",
        lambda _: rotation.AnnounceColdkeySwap(key_of("bob")),
    ),
    "cancel-coldkey-swap": ("-w alice", lambda _: rotation.CancelColdkeySwap()),
    "swap-coldkey": ("bob -w alice", lambda _: rotation.SwapColdkey(key_of("bob"))),
    "set-consensus-key": ("--hotkey hot0 -w cold0", make_consensus_key),
    "propose-param": (
        "stake_min 5000000 --activation 900 -w hot0",
        lambda _: governance.Propose(
            governance.ChangeParam(ShortText("stake_min"), I64(5_000_000)), Height(900)
        ),
    ),
    "propose-protocol": (
        "2 --activation 900 -w hot0",
        lambda _: governance.Propose(governance.ChangeProtocol(U32(2)), Height(900)),
    ),
    "propose-text": (
        "Thanks. --activation 900 -w hot0",
        lambda _: governance.Propose(governance.Declare(LongText("Thanks.")), Height(900)),
    ),
    "vote": ("3 yes -w hot0", lambda _: governance.CastVote(U32(3), is_yes=True)),
}
"""What is typed after the verb, and the call that must come of it."""


def test_every_call_has_a_verb_and_every_verb_a_case():
    calls = set(get_args(Call))
    assert {entry.call for entry in ENTRIES} == calls
    assert {entry.verb for entry in ENTRIES} == set(CASES)
    assert len({entry.verb for entry in ENTRIES}) == len(ENTRIES)
    assert {type(make(builders.make_state())) for _, make in CASES.values()} == calls


@pytest.mark.slow  # all verbs, one after another
async def test_each_verb_builds_the_call_it_says(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
):
    row = {"netuid": 1, "epoch": 0, "salt": "00" * 32, "version": 1, "uids": [2, 3]}
    (tmp_path / "row.json").write_text(json.dumps({**row, "values": [65_535, 32_767]}))
    (tmp_path / "row.json").chmod(0o600)
    monkeypatch.setattr(weighing.secrets, "token_bytes", bytes)
    async with open_door(GENESIS, tmp_path, capsys) as door:
        for verb, (typed, expected) in CASES.items():
            if get_entry(verb).call.__name__ not in find_rules():
                continue  # the house test says so
            call = ("tx", verb, *typed.split(), "--dry-run", "--json")
            code = await door.run(*call)
            out, err = capsys.readouterr()
            assert code in {Exit.OK, Exit.FAILED}, (verb, out, err)
            told = json.loads(out)
            assert "preview" in told, (verb, told)
            made = codec.decode(Transaction, bytes.fromhex(told["transaction"]))
            assert made.call == expected(door.state), verb
            assert made.chain_id == get_network(door.state).chain_id
            assert told["preview"]["outcome"] in {"succeeds", "fails", "impossible"}
            assert told["preview"]["remedy"] or told["preview"]["outcome"] == "succeeds", verb
            assert told["words"].endswith("."), verb
        assert door.node.height == 0
        assert len(door.node.chain.mempool) == 0
