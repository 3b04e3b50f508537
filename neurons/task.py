"""What a subnet's task is: sample a challenge, read a query, verify an answer.

An author writes a `Task`; transport, deadlines, sampling, persistence, ratings, weights and
receipts are the framework's. A challenge must be fresh, public in its making and unpredictable: it
derives from a seed alone, so that whoever learns the seed later can check what was asked and how it
was judged (for `text` that takes the validator's settings and its Python release as well:
`docs/spec/neurons.md` 11). Where an answer is a forecast, its score must be proper: the honest
belief pays best.

A `Judgement` is a quality in [0, 1] or a fault, and a fault says whose: only a miner's own counts
against it.

A challenge's seed is not a hash of public data alone (`docs/spec/neurons.md` 3.1, 11): that is
known the moment the block is, so a miner could compute the question, and with it the truth, before
being asked. The validator's signature over those fields is hashed in as well: nobody else can make
it, everyone can check it once it is shown (`compute_challenge_seed`). The counter is the height
whose mix is used, so a restarted validator never asks the same twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from consensus import crypto
from consensus.quantities import U64_MAX, Epoch, Hash32, Height, NetUid, PublicKey, Signature
from neurons.ports import ChainRecord

AT_ONCE = Height(0)
"""`Challenge.ripe_at` of a challenge whose answers can be judged when they come."""
NEVER = Height(U64_MAX)
"""`Challenge.closes_at` of a challenge whose truth nobody learns while it is asked."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The `body` a miner gets and the `key` that judges its answer.

    `key` leaves us only after the answers are in. `ripe_at` is the final height from which answers
    can be judged, because only then is the truth known; 0: at once. `closes_at` is the final height
    from which an answer is late, because somebody may know a part of the truth by then.
    """

    body: bytes
    key: bytes
    ripe_at: Height = AT_ONCE
    closes_at: Height = NEVER


class Whose(Enum):
    """Who is to blame for an answer that can't be judged."""

    MINER = "miner"
    VALIDATOR = "validator"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Judged:
    """A valid answer's quality, 0 (no better than the baseline) to 1 (knew the truth)."""

    quality: float
    items: tuple[float, ...] = ()
    """What each part of the answer scored, in the task's own unit; empty: it has no parts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no quality, and whose fault that is."""

    whose: Whose
    reason: str


Judgement = Judged | Fault


@dataclass(frozen=True, slots=True)
class Card:
    """What people are told of a task."""

    summary: str
    """One sentence."""
    query: str
    """The query's bytes in words."""
    answer: str
    """The answer's bytes in words."""
    example_query: bytes
    example_answer: bytes
    """A good answer to `example_query`."""
    price_unit: str
    """What `Task.measure` counts: prices and queues are in it."""


class Task(Protocol):
    """One kind of work. Everything here is deterministic and bounded; `sample` may read files."""

    @property
    def name(self) -> str:
        """The task's name in genesis and configuration."""
        ...

    @property
    def version(self) -> int:
        """Raised with every change that alters a challenge or a judgement; part of the identity."""
        ...

    @property
    def query_bytes_max(self) -> int:
        """Longest body of a query, bytes."""
        ...

    @property
    def answer_bytes_max(self) -> int:
        """Longest answer a miner may send, bytes."""
        ...

    @property
    def reference(self) -> str:
        """The class that answers for the backend `builtin`, as "package.module:Class".

        A name and not the class, so that nobody but a worker imports what models are made of.
        """
        ...

    def measure(self, body: bytes) -> int:
        """Return how many units of work a query's body asks for, 1 or more.

        Raises:
            MalformedQuery: no body of this task.
        """
        ...

    def sample(self, seed: bytes, count: int, record: ChainRecord) -> tuple[Challenge, ...]:
        """Make `count` challenges from `seed` and `record`; equal ones always make the same.

        Blocking (files): call it in a thread.

        Raises:
            OSError: a file of ours can't be read.
            SeriesNotKept: `record` does not hold what a challenge is made of.
        """
        ...

    def verify(self, challenge: Challenge, answer: bytes, record: ChainRecord) -> Judgement:
        """Judge `answer`; never raises, whatever the bytes. `record.height` is `ripe_at` or more.

        What `record` no longer holds is the validator's fault. Blocking: call it in a thread.
        """
        ...

    def find_copies(self, answers: Sequence[bytes]) -> tuple[int, ...]:
        """Return for each of `answers` the index of the one it copies; its own if it copies none.

        All of them were judged valid for one and the same challenge. A copy is equal to an earlier
        answer, or so near it that one model must have made both. A copy is not copied itself:
        every index points at an original. Blocking (arithmetic): call it in a thread.
        """
        ...

    def fixed_answers(self, challenge: Challenge, record: ChainRecord) -> tuple[bytes, ...]:
        """Return answers whose judgements the golden vector holds.

        The first is the best there is, the second the baseline's; then others, malformed too.
        `record.height` is `ripe_at` or more.
        """
        ...

    def make_portable(self) -> "Task":
        """Return this task drawing only on what its package ships, for the golden vector.

        The task itself if it reads nothing of the machine it runs on.
        """
        ...

    def read_options(self, options: Mapping[str, object]) -> Mapping[str, object]:
        """Return an operator's options of the reference miner, checked and with all defaults.

        Without importing what models are made of: a daemon checks them at its start.

        Raises:
            InvalidOptions: naming the option.
        """
        ...

    def describe(self) -> Card:
        """Return what people are told of the task."""
        ...


def find_equals(answers: Sequence[bytes]) -> tuple[int, ...]:
    """Return for each of `answers` the index of the first that is equal to it: exact copies."""
    first: dict[bytes, int] = {}
    return tuple(first.setdefault(answer, index) for index, answer in enumerate(answers))


@dataclass(frozen=True, slots=True)
class ChallengeOrigin:
    """Where a round's challenges come from: `mix` is the beacon's after block `height`."""

    chain_id: Hash32
    mix: Hash32
    netuid: NetUid
    epoch: Epoch
    hotkey: PublicKey
    height: Height


def compute_origin_hash(origin: ChallengeOrigin) -> Hash32:
    """Hash what a round's challenges derive from: what the validator signs, and keeps to itself."""
    numbers = origin.netuid.to_bytes(2, "big") + origin.epoch.to_bytes(8, "big")
    tail = origin.hotkey + origin.height.to_bytes(8, "big")
    return crypto.hash32(b"neurond/origin", origin.chain_id, origin.mix, numbers, tail)


def compute_challenge_seed(origin: ChallengeOrigin, signature: Signature) -> Hash32:
    """Hash the origin and the validator's signature over it into the seed for `Task.sample`."""
    return crypto.hash32(b"neurond/seed", compute_origin_hash(origin), signature)
