"""Answers that wait to be judged until the truth is public: how they are kept, and for how long.

A round whose challenge has a height to ripen at leaves rows in the validator's memory: one with the
challenge, and one with each miner's answer. They are judged together, once that height is final;
a restart finds them again. Keys are big-endian, so that the order of keys is that of ripening:

    ripe_at u64 | asked_at u64                                        the challenge
    ripe_at u64 | asked_at u64 | hotkey | registered block u64        one miner's answer

Bounded: no round is asked while `ROWS_MAX` rows or `BYTES_MAX` bytes would wait, and no challenge
is asked that ripens in more than `BLOCKS_AHEAD_MAX`. An answer is dropped when its miner's
registration ends; a round when the subnet has another task by then, when judging it fails (it would
fail again in every later life), and when it has been ripe for `BLOCKS_LATE_MAX` unjudged: a node
that slept so long knows nothing of how its miners do now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import U32, Bytes64K, Hash32, Height, PublicKey
from consensus.types import MinerKey
from neurons.task import Challenge
from neurons.validating.asking import Delivered

ROWS_MAX = 8_192
"""256 miners in 30 rounds."""
BYTES_MAX = 32 << 20
BLOCKS_AHEAD_MAX = 7_200
"""A day of 12 s blocks."""
BLOCKS_LATE_MAX = 1_024
"""How long the chain's own history stays readable, too."""
_QUESTION_BYTES = 16
_ANSWER_BYTES = 16 + 32 + 8


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A challenge's row."""

    body: Bytes64K
    key: Bytes64K
    scorer: Hash32


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A miner's row."""

    answer: Bytes64K
    latency_ms: U32


@dataclass(frozen=True, slots=True)
class PendingRound:
    """A round asked at final height `asked_at` whose answers wait."""

    asked_at: Height
    challenge: Challenge
    scorer: Hash32
    """Identity of the task that asked, and alone can judge."""
    answers: Mapping[MinerKey, Delivered]


def encode_round(pending: PendingRound) -> dict[bytes, bytes]:
    """Return the rows of a round; latencies are rounded to a millisecond."""
    challenge = pending.challenge
    head = _round_key(challenge.ripe_at, pending.asked_at)
    question = KeptQuestion(Bytes64K(challenge.body), Bytes64K(challenge.key), pending.scorer)
    rows = {head: codec.encode(question)}
    for miner, each in pending.answers.items():
        kept = KeptAnswer(Bytes64K(each.answer), U32(round(each.latency_ms)))
        rows[head + miner.hotkey + miner.registered_block.to_bytes(8, "big")] = codec.encode(kept)
    return rows


def has_room(rows: Mapping[bytes, bytes], answers: int, answer_bytes_max: int) -> bool:
    """Tell whether a round of so many answers may wait beside `rows`."""
    size = sum(map(len, rows.values()))
    return (
        len(rows) + answers + 1 <= ROWS_MAX
        and size + answers * answer_bytes_max + 2 * 65_536 <= BYTES_MAX
    )


def find_stale(
    rows: Iterable[bytes], height: Height, registered: frozenset[MinerKey]
) -> frozenset[bytes]:
    """Return the keys of rows that will not be judged: unknown miners' and rounds too old."""
    return frozenset(key for key in rows if _is_stale(key, height, registered))


def find_ripe(rows: Mapping[bytes, bytes], height: Height) -> bytes | None:
    """Return the key of the challenge that ripened first, at `height` or before; None if none."""
    first = min((key for key in rows if len(key) == _QUESTION_BYTES), default=None)
    return None if first is None or _read_ripe_at(first) > height else first


def list_round(rows: Iterable[bytes], head: bytes) -> list[bytes]:
    """Return the keys of all rows of the round whose challenge's key is `head`."""
    return [key for key in rows if key.startswith(head)]


def decode_round(rows: Mapping[bytes, bytes], head: bytes) -> PendingRound | None:
    """Return the round whose challenge's key is `head`; None when another version wrote it."""
    answers: dict[MinerKey, Delivered] = {}
    try:
        question = codec.decode(KeptQuestion, rows[head])
        for key in list_round(rows, head):
            if len(key) == _ANSWER_BYTES:
                kept = codec.decode(KeptAnswer, rows[key])
                answers[_read_miner(key)] = Delivered(kept.answer, kept.latency_ms)
    except DecodeError:
        return None
    challenge = Challenge(question.body, question.key, _read_ripe_at(head))
    asked_at = Height(int.from_bytes(head[8:16], "big"))
    return PendingRound(asked_at, challenge, question.scorer, answers)


def _round_key(ripe_at: Height, asked_at: Height) -> bytes:
    return ripe_at.to_bytes(8, "big") + asked_at.to_bytes(8, "big")


def _is_stale(key: bytes, height: Height, registered: frozenset[MinerKey]) -> bool:
    if _read_ripe_at(key) + BLOCKS_LATE_MAX < height:
        return True
    return len(key) == _ANSWER_BYTES and _read_miner(key) not in registered


def _read_ripe_at(key: bytes) -> Height:
    return Height(int.from_bytes(key[:8], "big"))


def _read_miner(key: bytes) -> MinerKey:
    return MinerKey(PublicKey(key[16:48]), Height(int.from_bytes(key[48:56], "big")))
