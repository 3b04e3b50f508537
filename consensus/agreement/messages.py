"""What may happen to the agreement machine, and what it asks for: its events and its effects.

Events and effects are frozen values; `simplex.Simplex.step` turns one event into an ordered tuple
of effects, to be carried out in exactly that order (durable before visible). All messages inside
events have had their signatures checked (`certificates.verify_*`); `peer` is None for what came
from disk or from nobody in particular.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from consensus.quantities import Hash32, Signature, TimeMs, View
from consensus.types import (
    Block,
    Certificate,
    ConflictingVotes,
    Header,
    Proposal,
    SignedTransaction,
    Status,
    Vote,
)

Peer = bytes | None
Sign = Callable[[bytes], Signature]
"""Signs an agreement message with the consensus key."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The network's clock constants, milliseconds (`docs/spec/agreement.md` 2.6)."""

    block_ms: int
    delta_ms: int
    drift_ms: int = 500
    backoff_percent: int = 130
    """Growth of the timers per view without finality, from the third such view on."""
    timer_ms_max: int = 60_000

    def compute_unit_ms(self, views: int) -> int:
        """Return delta grown for `views` views without finality, rounded down at each step.

        The longest timer is three times the result: at most `timer_ms_max`, or three deltas if
        more.
        """
        unit_ms = self.delta_ms
        unit_ms_max = max(self.delta_ms, self.timer_ms_max // 3)
        for _ in range(min(64, max(0, views - BACKOFF_FREE_VIEWS))):
            unit_ms = unit_ms * self.backoff_percent // 100
            if unit_ms >= unit_ms_max:
                return unit_ms_max
        return unit_ms


BACKOFF_FREE_VIEWS = 3
"""Views without finality before the timers grow: one lost view and its repair slow nothing down."""


class TimerKind(IntEnum):
    """What an alarm is for."""

    PROPOSE = 1
    """The leader should have proposed."""
    ADVANCE = 2
    """The view should have ended."""
    BUILD = 3
    """We lead, and the parent is old enough."""
    NOTARIZE = 4
    """A proposal's time has come."""
    STANDSTILL = 5
    """Nothing has moved: send our last votes again."""
    CHASE = 6
    """Ask again for the bodies we lack."""


@dataclass(frozen=True, slots=True)
class Tag:
    """The name of an alarm; setting one of the same name again moves it."""

    kind: TimerKind
    view: View


# -- events ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The node is up: carry on where `Recovered` left off."""


@dataclass(frozen=True, slots=True)
class ProposalReceived:
    """A leader's proposal, with its header's digest."""

    peer: Peer
    proposal: Proposal
    digest: Hash32


@dataclass(frozen=True, slots=True)
class VoteReceived:
    """One validator's vote."""

    peer: Peer
    vote: Vote


@dataclass(frozen=True, slots=True)
class CertificateReceived:
    """A quorum's statement."""

    peer: Peer
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class StatusReceived:
    """Where a peer stands."""

    peer: bytes
    status: Status


@dataclass(frozen=True, slots=True)
class BlocksReceived:
    """Bodies, parents before children; only those asked for, or their ancestors, are kept.

    `certificate` may finalise the last of them: that is how a range is caught up with.
    """

    peer: Peer
    blocks: tuple[Block, ...]
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """An alarm went off."""

    tag: Tag


@dataclass(frozen=True, slots=True)
class Built:
    """The answer to `BuildBlock`; `body` None when no block can be made (no reveal left, say)."""

    view: View
    parent: Hash32
    body: "BlockBody | None"


@dataclass(frozen=True, slots=True)
class BlockBody:
    """What the ledger puts into a block: its part of the header, and the transactions.

    The roots are those after the parent; `reveal` is our next beacon value there.
    """

    transactions: tuple[SignedTransaction, ...]
    state_root: Hash32
    receipts_root: Hash32
    reveal: Hash32


@dataclass(frozen=True, slots=True)
class Executed:
    """The answer to `ExecuteBlock`: whether the ledger lets the block follow its parent."""

    digest: Hash32
    is_valid: bool


Event = (
    Start
    | ProposalReceived
    | VoteReceived
    | CertificateReceived
    | StatusReceived
    | BlocksReceived
    | TimerFired
    | Built
    | Executed
)


# -- effects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Persist:
    """Make all of it durable before any later effect, bodies and certificates before the votes.

    A vote of kind PROPOSE records that we led a view with that header.
    """

    votes: tuple[Vote, ...]
    blocks: tuple[Proposal | Block, ...]
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell everyone."""

    message: Vote | Proposal | Status


@dataclass(frozen=True, slots=True)
class Send:
    """Tell one peer."""

    peer: bytes
    message: Certificate | Status | Proposal


@dataclass(frozen=True, slots=True)
class AskBlock:
    """Ask `peer` (None: anyone) for the block of that digest and up to 15 of its ancestors."""

    peer: Peer
    digest: Hash32


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire `tag` at `at_ms`."""

    tag: Tag
    at_ms: int


@dataclass(frozen=True, slots=True)
class BuildBlock:
    """Fill a block on `parent` for our view; answer with `Built`."""

    view: View
    parent: Hash32
    parent_header: Header
    time_ms: TimeMs


@dataclass(frozen=True, slots=True)
class ExecuteBlock:
    """Apply `block` to its parent's state; answer with `Executed`."""

    block: Block
    digest: Hash32


@dataclass(frozen=True, slots=True)
class Commit:
    """`blocks` are final, oldest first; `certificate` is of the last of them, or of the last seal.

    After an era's last block the machine does nothing more: the shell starts the next era's.
    """

    blocks: tuple[Block, ...]
    certificate: Certificate
    seals: tuple[Block, ...] = ()
    """From above an era's last block up to what `certificate` names."""


@dataclass(frozen=True, slots=True)
class Accuse:
    """Proof that a validator broke the rules."""

    evidence: ConflictingVotes


@dataclass(frozen=True, slots=True)
class FallSilent:
    """Somebody votes with our key, and it is not this process: we vote no more."""

    vote: Vote


Effect = (
    Persist
    | Publish
    | Send
    | AskBlock
    | SetTimer
    | BuildBlock
    | ExecuteBlock
    | Commit
    | Accuse
    | FallSilent
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the disk remembers of an era: the last final block, and what is open above it.

    What is left of other eras is ignored. For a fresh era `header` is `headers.as_genesis`.
    """

    view: View
    digest: Hash32
    header: Header
    certificate: Certificate | None
    """What made it final; None for the era's genesis."""
    votes: tuple[Vote, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    blocks: tuple[Proposal | Block, ...] = ()
    ended: Certificate | None = None
    """What made the last block of the era before final, for nodes that are still in that era."""
