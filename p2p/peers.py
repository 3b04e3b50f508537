"""The peer book: addresses, back-off, scores, bans; sans-IO, time is an argument.

Score: 0 for a stranger, up by little for what it brought first, down by much for what no honest
peer sends, and halving towards 0 every `HALF_LIFE_S`. Below `GREY_SCORE` all but its votes,
statuses and blocks is dropped unread; below `BAN_SCORE` it is hung up on and neither dialled nor
let in for a while that doubles each time.

Dialling: peers we were told to use, then those we have met, then hearsay; each waits after a
failure (`BACKOFF_S`, doubling, with jitter so that a network restarted at once does not dial in
step).
"""

import math
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from random import Random
from typing import Annotated

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import CountMax, ShortText
from p2p.addresses import TEXT_MAX, Address, BadAddress, compute_network_group, parse_address

GREY_SCORE, BAN_SCORE = -20.0, -60.0
SCORE_MAX = 20.0
"""Praise is capped, so that a year of good conduct buys no more than two rejected messages."""
HALF_LIFE_S = 120.0
BAN_S = 300.0
BAN_S_MAX = 86_400.0
BACKOFF_S, BACKOFF_S_MAX = 0.3, 60.0
RECORDS_MAX = 2_000
"""Peers remembered: hearsay costs its teller nothing, so it is bounded."""
ADDRESSES_MAX = 4
SAVED_MAX = 4_096
GROUP_MAX = 3
"""Outbound connections into one network group (/16): a sybil must own many networks."""


class Deed(Enum):
    """What a peer did, with what it does to the score."""

    FIRST = 0.02  # brought a good message first
    REJECTED = -10.0  # sent what no honest peer sends
    BROKE_PROTOCOL = -30.0  # a frame of no known kind, a body that does not match its name
    OVER_QUOTA = -0.02  # one message beyond the quota
    BROKE_PROMISE = -2.0  # announced a body and then did not give it


class PeerStanding(Enum):
    """How a peer is treated."""

    GOOD = "good"
    GREY = "grey"
    BANNED = "banned"


class Source(IntEnum):
    """How we heard of a peer; lower is dialled first."""

    CHOSEN = 0
    MET = 1
    HEARSAY = 2


@dataclass(frozen=True, slots=True)
class Saved:
    """What outlives the process: addresses that once led to the peer they name."""

    addresses: Annotated[tuple[ShortText, ...], CountMax(SAVED_MAX)]


@dataclass(slots=True)
class Record:
    """What is known of one peer; times are the caller's monotonic seconds."""

    source: Source
    addresses: list[Address] = field(default_factory=list[Address])
    score: float = 0.0
    scored_s: float = 0.0
    failures: int = 0
    dial_s: float = 0.0
    banned_until_s: float = -math.inf
    bans: int = 0
    is_proved: bool = False
    """Whether we dialled it and found it; a peer that came to us only claims where it is."""


class PeerBook:
    """Every peer this node has heard of, bounded."""

    def __init__(self, me: bytes, random: Random) -> None:
        self._me = me
        self._random = random
        self._records: dict[bytes, Record] = {}

    # -- who and where ---------------------------------------------------------------------------

    def add(self, address: Address, source: Source) -> None:
        """Remember that the peer named in `address` may be found there."""
        peer = address.peer_id
        if peer is None or peer == self._me or address.is_wildcard or address.port == 0:
            return
        if len(str(address)) > TEXT_MAX:
            return  # it could not be told to others, nor saved
        record = self._records.get(peer)
        if record is None:
            if not self._make_room(source):
                return
            record = self._records[peer] = Record(source)
        record.source = min(record.source, source)
        if address in record.addresses:
            record.addresses.remove(address)
        elif source is Source.HEARSAY and len(record.addresses) >= ADDRESSES_MAX:
            return  # hearsay does not push out what was proved
        position = len(record.addresses) if source is Source.HEARSAY else 0
        record.addresses.insert(position, address)
        del record.addresses[ADDRESSES_MAX:]

    def addresses_of(self, peer: bytes) -> tuple[Address, ...]:
        """Return where `peer` may be found, likeliest first."""
        record = self._records.get(peer)
        return () if record is None else tuple(record.addresses)

    def sample(self, count: int, but: bytes) -> list[Address]:
        """Return up to `count` addresses of peers we have met, to tell the peer `but`."""
        known = [
            record.addresses[0]
            for peer, record in self._records.items()
            if record.source is not Source.HEARSAY and record.addresses and peer != but
        ]
        return self._random.sample(known, min(count, len(known)))

    # -- dialling ---------------------------------------------------------------------------------

    def choose(self, now_s: float, wanted: int, connected: dict[bytes, str]) -> list[Address]:
        """Return up to `wanted` addresses to dial now; `connected` maps peers to their hosts."""
        groups: dict[str, int] = {}
        for host in connected.values():
            _count_group(groups, host)
        due = [
            (record.source, record.failures, self._random.random(), peer)
            for peer, record in self._records.items()
            if peer not in connected
            and record.addresses
            and record.dial_s <= now_s
            and record.banned_until_s <= now_s
        ]
        chosen: list[Address] = []
        for source, failures, _, peer in sorted(due):
            addresses = self._records[peer].addresses
            address = addresses[failures % len(addresses)]
            is_free = source is Source.CHOSEN or compute_network_group(address.host) == "loopback"
            if len(chosen) < wanted and (is_free or _count_group(groups, address.host)):
                chosen.append(address)
        return chosen

    def on_dialling(self, peer: bytes, now_s: float) -> None:
        """Note that `peer` is being dialled; not again before this dial has surely ended."""
        self._records[peer].dial_s = now_s + BACKOFF_S_MAX

    def on_failed(self, peer: bytes, now_s: float) -> None:
        """Note that a dial of `peer` failed, or its connection did not last."""
        record = self._records.get(peer)
        if record is None:
            return
        record.failures += 1
        if record.source is not Source.CHOSEN and record.failures > 12:  # noqa: PLR2004 - five minutes of trying
            del self._records[peer]
            return
        delay_s = min(BACKOFF_S_MAX, BACKOFF_S * 2 ** min(record.failures - 1, 10))
        record.dial_s = now_s + delay_s * self._random.uniform(0.5, 1.5)

    def on_connected(self, peer: bytes, *, is_dialled: bool) -> None:
        """Note that `peer` is connected and proved to be itself."""
        record = self._records.get(peer)
        if record is not None:
            record.source = min(record.source, Source.MET)
            record.is_proved |= is_dialled

    def on_lost(self, peer: bytes, now_s: float, lasted_s: float) -> None:
        """Note that a connection of `lasted_s` seconds ended; a short one counts as a failure."""
        record = self._records.get(peer)
        if record is None:
            return
        if lasted_s < 5:  # noqa: PLR2004 - less is no connection worth the name
            self.on_failed(peer, now_s)
            return
        record.failures = 0
        record.dial_s = now_s + BACKOFF_S * self._random.uniform(0.5, 1.5)

    # -- conduct ----------------------------------------------------------------------------------

    def judge(self, peer: bytes, deed: Deed, now_s: float, count: int = 1) -> PeerStanding:
        """Change the score of `peer` by `count` such deeds; return its standing after it."""
        record = self._records.get(peer)
        if record is None:
            self._make_room(Source.CHOSEN)
            record = self._records[peer] = Record(Source.HEARSAY, scored_s=now_s)
        score = min(SCORE_MAX, _decay(record, now_s) + deed.value * count)
        record.score, record.scored_s = score, now_s
        if score < BAN_SCORE and record.banned_until_s <= now_s:
            record.banned_until_s = now_s + min(BAN_S_MAX, BAN_S * 2**record.bans)
            record.bans += 1
            record.score = GREY_SCORE  # served, it returns on probation
            return PeerStanding.BANNED
        return self.standing(peer, now_s)

    def standing(self, peer: bytes, now_s: float) -> PeerStanding:
        """Return how `peer` is treated at `now_s`."""
        record = self._records.get(peer)
        if record is None:
            return PeerStanding.GOOD
        if record.banned_until_s > now_s:
            return PeerStanding.BANNED
        return PeerStanding.GREY if _decay(record, now_s) < GREY_SCORE else PeerStanding.GOOD

    def score(self, peer: bytes, now_s: float) -> float:
        """Return the score of `peer` at `now_s`."""
        record = self._records.get(peer)
        return 0.0 if record is None else _decay(record, now_s)

    # -- the disk ---------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Return the book's met addresses as canonical CBOR, for the next start."""
        texts = tuple(
            ShortText(str(address))
            for record in self._records.values()
            if record.source is not Source.HEARSAY
            for address in record.addresses
        )
        return codec.encode(Saved(texts[:SAVED_MAX]))

    def load(self, data: bytes) -> int:
        """Add the addresses of an earlier `dump`; return how many. Damaged data adds none."""
        try:
            texts = codec.decode(Saved, data).addresses
        except DecodeError:
            return 0
        count = 0
        for text in texts:
            try:
                self.add(parse_address(text), Source.MET)
            except BadAddress:
                continue
            count += 1
        return count

    def _make_room(self, source: Source) -> bool:
        """Return whether there is room for one more from `source`, forgetting the least if need be.

        Hearsay makes way for anything, a bad name or an unproved claim for a peer that is
        connected, a proved peer only for what the operator chose and for deeds.
        """
        if len(self._records) < RECORDS_MAX:
            return True
        worth_max = _WORTH_MAX[source]
        worst, worst_key = None, (worth_max + 1, 0)
        for peer, record in self._records.items():
            key = (_compute_worth(record), -record.failures)
            if key < worst_key:
                worst, worst_key = peer, key
            if worst_key[0] == 0:
                break
        if worst is not None:
            del self._records[worst]
        return worst is not None or source is Source.CHOSEN


_WORTH_MAX = {Source.HEARSAY: 0, Source.MET: 2, Source.CHOSEN: 3}
"""The latest place in that order that a record of each source may push out."""


def _compute_worth(record: Record) -> int:
    """Return the place of a record in the order of forgetting: 0 goes first, 4 never."""
    if record.source is Source.CHOSEN:
        return 4
    if record.is_proved:
        return 3
    if record.source is Source.MET and not record.bans:
        return 2
    return 1 if record.bans or record.score < 0 else 0


def _decay(record: Record, now_s: float) -> float:
    return record.score * 0.5 ** (max(0.0, now_s - record.scored_s) / HALF_LIFE_S)


def _count_group(groups: dict[str, int], host: str) -> bool:
    """Count one more connection into the group of `host`; return whether there was room."""
    group = compute_network_group(host)
    groups[group] = groups.get(group, 0) + 1
    return groups[group] <= GROUP_MAX
