"""The miner's gates, in order, and what it signs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
import trio.testing

from consensus import codec
from consensus.quantities import U32, Bytes16, Bytes64K, NetUid, TimeMs
from neurons import messages
from neurons.errors import ModelFault, NeurondError, WorkerFull, WorkerTimeout, WorkerUnavailable
from neurons.messages import Busy, Completion, Query, Refusal, RefusalCode, SignedQuery
from neurons.mining.intake import PEERS_MAX, SKEW_MS, PeerBuckets, SeenQueries
from neurons.mining.miner import Miner, MinerSettings
from neurons.tasks.text.task import TextTask, encode_query
from tests.neurons.world import CHAIN_ID, NETUID, FakeNode, World, make_hotkey, quiet


class FakeModel:
    """Answers `answer` after `delay_s`, or raises `error`."""

    def __init__(
        self, delay_s: float = 0.0, error: NeurondError | None = None, answer: bytes = b"answer"
    ) -> None:
        self.delay_s = delay_s
        self.error = error
        self.answer = answer
        self.bodies: list[bytes] = []
        self.units = 0

    async def infer(self, body: bytes, units: int) -> bytes:
        self.bodies.append(body)
        self.units += units
        await trio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return self.answer


def make_miner(model: FakeModel, settings: MinerSettings | None = None) -> Miner:
    node = FakeNode(World(), "miner")
    return Miner(node, model, TextTask(), settings or MinerSettings(NETUID), quiet)


QUERY = Query(
    netuid=NETUID,
    query_id=Bytes16(bytes(16)),
    asker=make_hotkey("validator"),
    miner=make_hotkey("miner"),
    time_ms=TimeMs(1_000_000),
    body=Bytes64K(encode_query([b"def ", b"import "])),
)


def make_payload(query: Query = QUERY, signer: str = "validator", number: int = 0) -> bytes:
    named = replace(query, query_id=Bytes16(number.to_bytes(16, "big")))
    node = FakeNode(World(), signer)
    named = replace(named, time_ms=TimeMs(node.now_ms() + query.time_ms - 1_000_000))
    return codec.encode(SignedQuery(named, node.sign(messages.compute_query_hash(CHAIN_ID, named))))


async def ask(miner: Miner, payload: bytes, peer: bytes = b"peer") -> messages.Reply:
    return messages.decode_reply(await miner.answer(peer, payload))


async def test_answer_is_signed_for_its_query() -> None:
    model = FakeModel()
    miner = make_miner(model)
    payload = make_payload()
    reply = await ask(miner, payload)
    assert isinstance(reply, Completion)
    assert reply.answer == b"answer"
    assert model.bodies == [QUERY.body]
    assert model.units == 2
    query = codec.decode(SignedQuery, payload).query
    query_hash = messages.compute_query_hash(CHAIN_ID, query)
    messages.check_completion(reply, query_hash, make_hotkey("miner"))
    assert miner.counts.answered == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (lambda: b"garbage", RefusalCode.MALFORMED),
        (lambda: bytes(messages.QUERY_BYTES_MAX + 1), RefusalCode.MALFORMED),
        (lambda: make_payload(replace(QUERY, netuid=NetUid(9))), RefusalCode.NOT_FOR_ME),
        (lambda: make_payload(replace(QUERY, miner=make_hotkey("x"))), RefusalCode.NOT_FOR_ME),
        (
            lambda: make_payload(replace(QUERY, time_ms=TimeMs(1_001_000 + SKEW_MS))),
            RefusalCode.STALE,
        ),
        (lambda: make_payload(signer="stranger"), RefusalCode.FORGED),
        (lambda: make_payload(replace(QUERY, body=Bytes64K(b"?"))), RefusalCode.MALFORMED),
    ],
)
async def test_query_that_is_not_for_the_model_is_refused(
    payload: Callable[[], bytes], code: RefusalCode, autojump_clock: trio.testing.MockClock
) -> None:
    reply = await ask(make_miner(FakeModel()), payload())
    assert isinstance(reply, Refusal)
    assert reply.code is code


async def test_query_is_answered_once(autojump_clock: trio.testing.MockClock) -> None:
    miner = make_miner(FakeModel())
    payload = make_payload()
    assert isinstance(await ask(miner, payload), Completion)
    again = await ask(miner, payload, b"another peer")
    assert isinstance(again, Refusal)
    assert again.code is RefusalCode.REPLAYED


@pytest.mark.parametrize(
    ("error", "retry_ms"),
    [
        (WorkerUnavailable("training", retry_ms=2_000), 2_000),
        (WorkerTimeout("slow"), 1_000),
        (WorkerFull("full", retry_ms=500), 500),
    ],
)
async def test_model_that_is_not_there_is_an_honest_busy(
    error: NeurondError, retry_ms: int, autojump_clock: trio.testing.MockClock
) -> None:
    assert await ask(make_miner(FakeModel(error=error)), make_payload()) == Busy(U32(retry_ms))


@pytest.mark.parametrize(
    "model",
    [
        FakeModel(error=ModelFault("/srv/model/secret is missing")),
        FakeModel(answer=bytes(TextTask.answer_bytes_max + 1)),
    ],
    ids=["fault", "too long"],
)
async def test_model_that_has_no_answer_is_refused_and_why_is_not_told(
    model: FakeModel, autojump_clock: trio.testing.MockClock
) -> None:
    reply = await ask(make_miner(model), make_payload())
    assert isinstance(reply, Refusal)
    assert reply.code is RefusalCode.MODEL_FAILED
    assert "secret" not in reply.message


async def test_intake_counts_units_of_work(autojump_clock: trio.testing.MockClock) -> None:
    miner = make_miner(FakeModel(delay_s=5), MinerSettings(NETUID, intake_max=3))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, miner, make_payload())
        await trio.sleep(1)
        assert miner.counts.in_hand == 2
        assert isinstance(await ask(miner, make_payload(number=1)), Busy)
        small = replace(QUERY, body=Bytes64K(encode_query([b"a"])))
        assert isinstance(await ask(miner, make_payload(small, number=2)), Completion)


async def test_query_no_intake_could_take_is_refused_for_good(
    autojump_clock: trio.testing.MockClock,
) -> None:
    reply = await ask(make_miner(FakeModel(), MinerSettings(NETUID, intake_max=1)), make_payload())
    assert isinstance(reply, Refusal)
    assert reply.code is RefusalCode.NOT_ALLOWED


async def test_full_intake_says_busy_at_once(autojump_clock: trio.testing.MockClock) -> None:
    miner = make_miner(FakeModel(delay_s=5), MinerSettings(NETUID, intake_max=4))
    payloads = [make_payload(number=number) for number in range(3)]
    async with trio.open_nursery() as nursery:
        for payload in payloads[:2]:
            nursery.start_soon(ask, miner, payload)
        await trio.sleep(1)
        with trio.fail_after(0.1):
            assert isinstance(await ask(miner, payloads[2]), Busy)
    assert miner.counts.in_hand == 0
    assert miner.counts.answered == 2


async def test_stranger_has_a_small_quota_and_a_validator_has_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    miner = make_miner(FakeModel())
    stranger = replace(QUERY, asker=make_hotkey("stranger"))
    replies = [
        await ask(miner, make_payload(stranger, "stranger", number), bytes([number]))
        for number in range(12)
    ]
    assert [type(reply) for reply in replies] == [Completion] * 10 + [Busy] * 2
    assert isinstance(await ask(miner, make_payload(number=99)), Completion)


async def test_flooding_peer_is_stopped_before_decoding(
    autojump_clock: trio.testing.MockClock,
) -> None:
    miner = make_miner(FakeModel(), MinerSettings(NETUID, peer_rate=1, peer_burst=3))
    replies = [await ask(miner, b"garbage", b"flood") for _ in range(5)]
    assert [type(reply) for reply in replies] == [Refusal] * 3 + [Busy] * 2
    assert isinstance(await ask(miner, make_payload(), b"other"), Completion)


def test_peer_unused_for_longest_is_forgotten_first() -> None:
    buckets = PeerBuckets(1, 1)
    for number in range(PEERS_MAX + 1):
        assert buckets.take(number.to_bytes(2, "big"), 0.0) == 0
    assert buckets.take(PEERS_MAX.to_bytes(2, "big"), 0.5) == pytest.approx(0.5)
    assert buckets.take(bytes(2), 0.5) == 0


def test_seen_queries_are_forgotten_once_their_clock_would_refuse_them() -> None:
    seen = SeenQueries()
    assert seen.add(b"a", 0)
    assert not seen.add(b"a", 2 * SKEW_MS)
    assert seen.add(b"b", 2 * SKEW_MS + 1)
    assert seen.add(b"a", 2 * SKEW_MS + 1)
