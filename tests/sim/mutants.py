"""The agreement machine with one rule taken out; the simulator must notice each.

Each is a subclass or a patch, so that the product has no switch that could be left on. `HONEST` is
the machine as it is.

Source: `docs/spec/agreement.md` 5.2.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from consensus.agreement import messages as m
from consensus.agreement.certificates import Committee
from consensus.agreement.simplex import Simplex
from consensus.agreement.views import ViewRecord
from consensus.quantities import Hash32
from consensus.types import Header, Proposal, VoteKind
from tests.sim.node import MachineFactory

Order = Callable[[tuple[m.Effect, ...]], tuple[m.Effect, ...]]


def keep_order(effects: tuple[m.Effect, ...]) -> tuple[m.Effect, ...]:
    """Do effects in the order the machine gives."""
    return effects


@dataclass(frozen=True, slots=True)
class Mutant:
    """What differs from the machine as it is."""

    name: str
    machine: MachineFactory = Simplex
    committee: type[Committee] = Committee
    order: Order = keep_order
    hostile_percent: int = 33
    """Most stake the villain may hold; 33 means less than a third."""
    is_watched: bool = True
    """Whether the checker looks at the disk; if not, only the harm done is noticed."""
    is_switch_durable: bool = True
    """Whether the beginning of an era is on disk together with the end of the one before."""
    is_stalling: bool = False
    """Whether the harm is that nothing goes on, rather than that something false is agreed."""


class HalfQuorum(Committee):
    """Certifies with more than half of the stake."""

    @cached_property
    def quorum(self) -> int:
        return self.total // 2 + 1


class FinalizeAfterNullify(Simplex):
    """Votes FINALIZE in a view it has voted to nullify."""

    def _try_finalize(self, record: ViewRecord) -> None:
        closed = record.closed
        if closed is VoteKind.NULLIFY:
            record.closed = None
        super()._try_finalize(record)
        record.closed = record.closed or closed


class NotarizeLast(Simplex):
    """Votes for the proposal it saw last instead of the first."""

    def _on_proposal(self, peer: m.Peer, proposal: Proposal, digest: Hash32) -> None:
        super()._on_proposal(peer, proposal, digest)
        record = self.views.get(proposal.block.header.view)
        if record is not None and digest in record.proposals:
            record.first = digest
            record.notarized = None


class SkipUnchecked(Simplex):
    """Votes for a block without proof that the views it skips were nullified."""

    def _is_justified(self, header: Header) -> bool:
        return self.views.is_notarized(header.parent_view, header.parent)


class ParentUnchecked(Simplex):
    """Votes for a block without proof that its parent was notarized."""

    def _is_justified(self, header: Header) -> bool:
        return self.views.is_bridged(header.parent_view, header.view)


def send_first(effects: tuple[m.Effect, ...]) -> tuple[m.Effect, ...]:
    """Tell peers before the disk."""
    return tuple(sorted(effects, key=lambda effect: isinstance(effect, m.Persist)))


def forget(what: str) -> Order:
    """Return an order in which one kind of record never reaches the disk."""

    def order(effects: tuple[m.Effect, ...]) -> tuple[m.Effect, ...]:
        empty: dict[str, tuple[()]] = {what: ()}
        return tuple(
            replace(effect, **empty) if isinstance(effect, m.Persist) else effect
            for effect in effects
        )

    return order


HONEST = Mutant("none")
MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant("half-quorum", committee=HalfQuorum),
        Mutant("finalize-after-nullify", machine=FinalizeAfterNullify),
        Mutant("notarize-last", machine=NotarizeLast),
        Mutant("skip-unchecked", machine=SkipUnchecked),
        Mutant("parent-unchecked", machine=ParentUnchecked),
        Mutant("send-before-persist", order=send_first, is_watched=False),
        Mutant("hostile-45-percent", hostile_percent=45),
        Mutant("lose-votes", order=forget("votes"), is_watched=False),
        Mutant("lose-hand-off", is_switch_durable=False, is_stalling=True),
        Mutant("lose-bodies", order=forget("blocks"), is_watched=False, is_stalling=True),
        Mutant(
            "lose-certificates", order=forget("certificates"), is_watched=False, is_stalling=True
        ),
    )
}
