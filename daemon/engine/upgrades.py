"""Protocol versions that votes decided: what a node too old says before one, and that it stops.

From the tally on the state says which version the block at which height needs. A node that is too
old for one warns until then and takes part as ever. It stops before it builds, applies or votes on
the first block of that version: by its old rules it would hold valid blocks for false and false
ones for valid, and so fork by accident.
"""

from dataclasses import dataclass

from consensus.errors import NeurondError
from consensus.ledger.state import State
from consensus.ledger.transition import Applied
from consensus.ledger.voting.proposals import get_protocol, list_upgrades
from consensus.quantities import Hash32, Height
from consensus.types import Block
from daemon.telemetry import get_logger
from daemon.version import PROTOCOL_VERSION, read_version

WARN_BLOCKS = 100
"""How often the log repeats the warning."""
LAST_CALL_MS = 86_400_000
"""A day before it must stop, a node that is too old no longer counts as ready."""


class ProtocolTooOld(NeurondError):
    """The next block needs a newer neurond."""

    def __init__(self, version: int, height: int) -> None:
        super().__init__(
            f"Block {height} needs protocol {version}; this is neurond {read_version()}, which has "
            f"protocol {PROTOCOL_VERSION}."
        )
        self.remedy = _word_remedy(version)


@dataclass(frozen=True, slots=True)
class Notice:
    """A version that is decided and that this node is too old for."""

    version: int
    height: Height
    """The first block that needs it."""
    blocks_left: int
    """How many blocks this node can still take part in."""

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"block {self.height} needs protocol {self.version}, this node has {PROTOCOL_VERSION} "
            f"and stops in {self.blocks_left} blocks"
        )

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return _word_remedy(self.version)

    def is_last_call(self, block_ms: int) -> bool:
        """Tell whether less than a day is left, a block taking at least `block_ms`."""
        return self.blocks_left * block_ms < LAST_CALL_MS


def check_protocol(state: State) -> None:
    """Check that this node may have anything to do with a block after `state`.

    Raises:
        ProtocolTooOld: such a block needs a newer version.
    """
    height = Height(state.height + 1)
    version = get_protocol(state, height)
    if version > PROTOCOL_VERSION:
        raise ProtocolTooOld(version, height)


def find_notice(state: State) -> Notice | None:
    """Return the first version on its way that this node is too old for, or None."""
    for upgrade in list_upgrades(state):
        if upgrade.version > PROTOCOL_VERSION:
            left = upgrade.height - state.height - 1
            return Notice(upgrade.version, upgrade.height, max(0, left))
    return None


class UpgradeReport:
    """Warns in the log; a listener of the chain."""

    def __init__(self, state: State) -> None:
        """Warn at once if `state`, the head's when the node starts, gives reason to."""
        self._said: tuple[int, int] | None = None
        self._log = get_logger("node")
        self._warn(state)

    def on_final(self, _block: Block, _digest: Hash32, applied: Applied) -> None:
        """Warn of what is new, and again every `WARN_BLOCKS`."""
        self._warn(applied.state)

    def _warn(self, state: State) -> None:
        notice = find_notice(state)
        if notice is None:
            self._said = None
            return
        about = (notice.version, int(notice.height))
        if about != self._said or state.height % WARN_BLOCKS == 0:
            self._said = about
            self._log.warning(
                "this node is too old for what was decided",
                needed=notice.version,
                has=PROTOCOL_VERSION,
                stops_before=notice.height,
                blocks_left=notice.blocks_left,
                remedy=notice.remedy,
            )


def _word_remedy(version: int) -> str:
    return f"Install a neurond with protocol {version} and start it; it goes on from here."
