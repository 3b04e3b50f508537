"""The validator sets of a world: stakes that drift, places that leave and come back, a joiner.

What a set is depends on the seed and the era alone; who leads depends on the state before the era
too, as on a real chain. The hostile hold less than a third in every set (a mutant may allow more).
"""

from functools import cached_property
from random import Random

from consensus import crypto
from consensus.agreement.certificates import ENDLESS, Committee
from consensus.quantities import Amount, Era, Hash32, Height, PublicKey, ValidatorIndex
from consensus.types import ValidatorEntry

CHAIN_ID = Hash32(b"s" * 32)
LOWEST, HIGHEST, DRIFT = 5, 40, 8
LEAVERS_FROM = 4
"""Honest members from which on one may leave."""
Stakes = dict[int, int]
"""Stake by place."""


def key_of(place: int) -> PublicKey:
    """Return the consensus key (and the hotkey) of a place."""
    return PublicKey(b"%032d" % place)


class Eras:
    """Who votes and leads in each era of one world."""

    def __init__(
        self,
        seed: int,
        stakes: tuple[int, ...],
        hostile: tuple[int, ...],
        blocks: int,
        committee: type[Committee],
        percent: int,
    ) -> None:
        self.blocks = blocks
        self._seed = seed
        self._hostile = hostile
        self._percent = percent
        self._kind = committee
        self._stakes: list[Stakes] = [dict(enumerate(stakes))]
        self._places = len(stakes) + (blocks > 0)
        self._known: dict[tuple[Era, Hash32], Committee] = {}

    @cached_property
    def places(self) -> range:
        """Every place that is ever in a set; with eras, the last of them joins later."""
        return range(self._places)

    def stakes(self, era: int) -> Stakes:
        """Return who is in the set of an era, with what stake."""
        while len(self._stakes) < era:
            self._stakes.append(self._draw(len(self._stakes) + 1))
        return self._stakes[era - 1]

    def committee(self, era: Era, post: Hash32) -> Committee:
        """Return the committee of an era; `post` is the state before its first block."""
        known = self._known.get((era, post))
        if known is None:
            mix = post if era > 1 else Hash32(self._seed.to_bytes(32, "big"))
            known = self._known[era, post] = self._kind(
                era,
                CHAIN_ID,
                self._entries(era),
                crypto.compute_seed(era, mix),
                Height(era * self.blocks) if self.blocks else ENDLESS,
                crypto.compute_vset_hash(self._entries(era + 1)) if self.blocks else None,
            )
        return known

    def index(self, era: Era, place: int) -> ValidatorIndex | None:
        """Return where a place stands in the set of an era."""
        members = list(self.stakes(era))
        return ValidatorIndex(members.index(place)) if place in members else None

    def place(self, era: Era, index: ValidatorIndex) -> int:
        """Return who stands there in the set of an era."""
        return list(self.stakes(era))[index]

    def _entries(self, era: int) -> tuple[ValidatorEntry, ...]:
        return tuple(
            ValidatorEntry(key_of(place), key_of(place), Amount(stake))
            for place, stake in self.stakes(era).items()
        )

    def _draw(self, era: int) -> Stakes:
        """Let stakes drift, let an honest one stay away, keep the hostile under their bound."""
        rng = Random(f"era {era} of {self._seed}")
        before = self.stakes(era - 1)
        drawn: Stakes = {}
        for place in self.places:
            stake = before.get(place, rng.randint(LOWEST, HIGHEST))
            drawn[place] = min(HIGHEST, max(LOWEST, stake + rng.randint(-DRIFT, DRIFT)))
        honest = [place for place in drawn if place not in self._hostile]
        if len(honest) >= LEAVERS_FROM and rng.random() < 0.7:
            del drawn[rng.choice(honest)]
        return self._bound(drawn)

    def _bound(self, stakes: Stakes) -> Stakes:
        """Cut the stake of the hostile to what they may hold."""
        held = sum(stake for place, stake in stakes.items() if place in self._hostile)
        rest = sum(stakes.values()) - held
        percent = self._percent
        most = (rest - 1) // 2 if percent == 33 else rest * percent // (100 - percent)
        if held <= most:
            return stakes
        cut = {
            place: stake * most // held if place in self._hostile else stake
            for place, stake in stakes.items()
        }
        return {place: stake for place, stake in cut.items() if stake}
