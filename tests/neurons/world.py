"""A world in memory for neurons: a chain that makes blocks, durable memory, peers, a power switch.

Every port goes through `World.gate`, before and after its effect; `kill_at` names the gate at which
the validator's process dies, as by kill -9: what was done stays done, what was not never happens.
"""

# ruff: noqa: ARG002 - a world of one subnet looks at no netuid

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import trio
from nacl.signing import SigningKey

from consensus import codec, crypto
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.quantities import (
    U64,
    ZERO_HASH,
    Bytes64K,
    Epoch,
    Hash32,
    Height,
    NetUid,
    PublicKey,
    Ratio16,
    Signature,
    TimeMs,
    Uid,
)
from consensus.reward import commit_reveal
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import Call, MinerKey
from neurons import messages
from neurons.errors import NodeUnreachable, SeriesNotKept
from neurons.messages import AnswerReceipt, Completion, Query, SignedQuery
from neurons.ports import (
    ChainRecord,
    ChainView,
    MetagraphView,
    NeuronView,
    WeightsState,
)
from neurons.task import NEVER, Card, Challenge, Fault, Judged, Judgement, Whose, find_equals

CHAIN_ID = Hash32(b"c" * 32)
NETUID = NetUid(1)
Key = TypeVar("Key")
Peer = Callable[[bytes], Awaitable[bytes]]


def make_key(name: str) -> SigningKey:
    return SigningKey(name.encode().ljust(32, b"."))


def make_hotkey(name: str) -> PublicKey:
    return PublicKey(bytes(make_key(name).verify_key))


def quiet(event: str, /, **fields: object) -> None:
    """A log that keeps nothing."""


@dataclass
class World:
    tempo: int = 8
    reveal_blocks: int = 2
    block_s: float = 1.0
    close_blocks: int = 0
    """Blocks after a question from which its answers are late; 0: never."""
    validator: str = "validator"
    has_permit: bool = True
    height: int = 0
    scorer: Hash32 = ZERO_HASH
    """The evaluation code whose rows count; all zero: any."""
    peers: dict[bytes, Peer] = field(default_factory=dict)
    pending: list[tuple[PublicKey, Call]] = field(default_factory=list)
    commits: dict[int, list[Hash32]] = field(default_factory=dict)
    revealed: dict[int, RevealWeights] = field(default_factory=dict)
    submitted: list[tuple[int, Call]] = field(default_factory=list)
    drop_calls: int = 0
    secrets: list[WeightSecret] = field(default_factory=list)
    cursor: int = 0
    scores: dict[MinerKey, bytes] = field(default_factory=dict)
    waiting: dict[bytes, bytes] = field(default_factory=dict)
    """Rows of answers not judged yet."""
    receipts: list[bytes] = field(default_factory=list)
    cursors: list[int] = field(default_factory=list)
    seeds: list[bytes] = field(default_factory=list)
    judged: list[tuple[int, int]] = field(default_factory=list)
    """When each judged answer could be judged, and when it was: heights."""
    registered: dict[bytes, int] = field(default_factory=dict)
    gates: int = 0
    kill_at: int = 0
    kill: Callable[[], None] = lambda: None
    tick: trio.Event = field(default_factory=trio.Event)

    def add_miner(self, name: str, peer: Peer) -> None:
        self.peers[name.encode()] = peer
        self.registered[name.encode()] = 0

    async def gate(self) -> None:
        self.gates += 1
        if self.gates == self.kill_at:
            self.kill()
        await trio.lowlevel.checkpoint()

    async def make_blocks(self) -> None:
        while True:
            await trio.sleep(self.block_s)
            self.make_block()

    def make_block(self) -> None:
        self.height += 1
        calls, self.pending = self.pending, []
        for hotkey, call in calls:
            self._include(hotkey, call)
        self.tick.set()
        self.tick = trio.Event()

    def _include(self, hotkey: PublicKey, call: Call) -> None:
        epoch = self.height // self.tempo
        if isinstance(call, CommitWeights) and call.epoch == epoch:
            self.commits.setdefault(epoch, []).append(call.digest)
        if isinstance(call, RevealWeights):
            window = commit_reveal.is_reveal_open(
                Height(self.height), call.epoch, self.tempo, self.reveal_blocks
            )
            digests = self.commits.get(call.epoch, [])
            if window and digests:
                assert commit_reveal.is_opened_by(digests[-1], CHAIN_ID, hotkey, call)
                self.revealed[call.epoch] = call


@dataclass(frozen=True, slots=True)
class FakeRecord:
    """What final blocks made public: of every series, each block's own height."""

    height: Height

    def get_series(self, name: str, first: Height, count: int) -> tuple[int, ...]:
        if not 0 <= first <= first + count <= self.height + 1:
            raise SeriesNotKept(f"{name} from {first} on at height {self.height}")
        return tuple(range(first, first + count))


class FakeNode:
    """The ports over a `World`, for the hotkey of `name`."""

    def __init__(self, world: World, name: str = "validator") -> None:
        self.world = world
        self._key = make_key(name)
        self.hotkey = make_hotkey(name)

    def sign(self, message: bytes) -> Signature:
        return crypto.sign(self._key, message)

    def now_ms(self) -> TimeMs:
        return TimeMs(int(trio.current_time() * 1_000))

    def chain(self) -> ChainView:
        height = self.world.height
        mix = crypto.hash32(b"mix", height.to_bytes(8, "big"))
        return ChainView(CHAIN_ID, Height(height), TimeMs(0), mix)

    def metagraph(self, netuid: NetUid) -> MetagraphView:
        world = self.world
        validator = make_hotkey(world.validator)
        neurons = [NeuronView(Uid(0), validator, Height(0), None, world.has_permit)]
        for number, (peer, block) in enumerate(world.registered.items(), 1):
            hotkey = make_hotkey(peer.decode())
            neurons.append(NeuronView(Uid(number), hotkey, Height(block), peer, has_permit=False))
        return MetagraphView(
            netuid=netuid,
            tempo=world.tempo,
            reveal_blocks=world.reveal_blocks,
            commit_interval_blocks=1,
            scorer_version=U64(1),
            min_allowed_weights=1,
            max_weight=Ratio16(65_535),
            neurons=tuple(neurons),
            scorer_hash=world.scorer,
        )

    def record(self) -> FakeRecord:
        return FakeRecord(Height(self.world.height))

    def weights_state(self, netuid: NetUid) -> WeightsState:
        epoch = self.world.height // self.world.tempo
        last = max(self.world.revealed, default=None)
        for each in (epoch - 1, epoch):
            if each in self.world.commits and each not in self.world.revealed:
                digest = self.world.commits[each][-1]
                break
        else:
            each, digest = None, None
        return WeightsState(
            None if each is None else Epoch(each), digest, None if last is None else Epoch(last)
        )

    async def wait_height(self, height: Height) -> None:
        await self.world.gate()
        while self.world.height < height:
            await self.world.tick.wait()

    async def ask(self, peer_id: bytes, payload: bytes) -> bytes:
        await self.world.gate()
        peer = self.world.peers.get(peer_id)
        if peer is None:
            raise NodeUnreachable("no such peer")
        reply = await peer(payload)
        await self.world.gate()
        return reply

    async def submit(self, call: Call) -> None:
        await self.world.gate()
        self.world.submitted.append((self.world.height, call))
        if self.world.drop_calls:
            self.world.drop_calls -= 1
        else:
            self.world.pending.append((self.hotkey, call))
        await self.world.gate()

    async def keep_weights(self, secret: WeightSecret) -> None:
        await self.world.gate()
        self.world.secrets.append(secret)
        await self.world.gate()

    async def load_weights(self, netuid: NetUid) -> tuple[WeightSecret, ...]:
        await self.world.gate()
        return tuple(self.world.secrets)


class FakeMemory:
    """A validator's durable memory of a `World`, as it is when it is opened."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cursor = Height(world.cursor)
        self.scores: Mapping[MinerKey, bytes] = dict(world.scores)
        self.pending: Mapping[bytes, bytes] = dict(sorted(world.waiting.items()))

    async def write(
        self,
        cursor: Height,
        scores: Mapping[MinerKey, bytes | None],
        receipts: Sequence[bytes],
        pending: Mapping[bytes, bytes | None],
    ) -> None:
        await self.world.gate()
        world = self.world
        if cursor != world.cursor:
            world.cursors.append(cursor)
        world.cursor = cursor
        _change(world.scores, scores)
        _change(world.waiting, pending)
        world.receipts += receipts
        self.cursor = cursor
        self.scores, self.pending = dict(world.scores), dict(sorted(world.waiting.items()))
        await world.gate()


def _change(rows: dict[Key, bytes], changes: Mapping[Key, bytes | None]) -> None:
    for key, row in changes.items():
        if row is None:
            del rows[key]
        else:
            rows[key] = row


class LevelTask:
    """A task whose answer is one byte: the quality, in 255ths, that the miner will be given."""

    name = "level"
    version = 1
    query_bytes_max = 32
    answer_bytes_max = 1
    reference = "tests.neurons.world:no_class"

    def __init__(self, world: World, wait_blocks: int = 0) -> None:
        self.world = world
        self.wait_blocks = wait_blocks
        """Blocks until an answer can be judged."""
        self.is_broken = False

    def measure(self, body: bytes) -> int:
        return 1

    def sample(self, seed: bytes, count: int, record: ChainRecord) -> tuple[Challenge, ...]:
        self.world.seeds.append(seed)
        ripe_at = Height(record.height + self.wait_blocks if self.wait_blocks else 0)
        blocks = self.world.close_blocks
        closes_at = Height(record.height + blocks) if blocks else NEVER
        return tuple(Challenge(seed, b"", ripe_at, closes_at) for _ in range(count))

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        if len(answer) != 1:
            return Fault(Whose.MINER, "one byte, please")
        if self.is_broken:
            raise ZeroDivisionError("a bug in the task")
        assert record.height >= challenge.ripe_at
        self.world.judged.append((challenge.ripe_at, record.height))
        return Judged(answer[0] / 255)

    def find_copies(self, answers: Sequence[bytes]) -> tuple[int, ...]:
        return find_equals(answers)

    def fixed_answers(self, challenge: Challenge, record: ChainRecord) -> tuple[bytes, ...]:
        return b"\xff", b"\x00", b"\x80", b""

    def make_portable(self) -> "LevelTask":
        return self

    def read_options(self, options: Mapping[str, object]) -> Mapping[str, object]:
        return options

    def describe(self) -> Card:
        return Card("How good are you?", "32 bytes.", "One byte.", bytes(32), b"\xff", "question")


def complete(name: str, query: Query, answer: bytes, signer: str = "") -> Completion:
    """Return `name`'s completion of `query`, signed by `signer` (default: the same)."""
    receipt = AnswerReceipt(
        query_hash=messages.compute_query_hash(CHAIN_ID, query),
        answer_hash=messages.compute_answer_hash(answer),
        miner=make_hotkey(name),
        time_ms=TimeMs(0),
    )
    signature = crypto.sign(make_key(signer or name), messages.compute_receipt_hash(receipt))
    return Completion(Bytes64K(answer), receipt, signature)


def honest(name: str, level: int, delay_s: float = 0.05) -> Peer:
    """Return a miner that answers `level` after `delay_s`."""

    async def peer(payload: bytes) -> bytes:
        await trio.sleep(delay_s)
        query = codec.decode(SignedQuery, payload).query
        return messages.encode_reply(complete(name, query, bytes([level])))

    return peer
