"""What the network may become, and who is for it."""

from dataclasses import dataclass

from consensus.quantities import I64, U32, Height, LongText, ShortText


@dataclass(frozen=True, slots=True)
class ChangeParam:
    """Set one of the network's parameters."""

    name: ShortText
    value: I64


@dataclass(frozen=True, slots=True)
class ChangeProtocol:
    """Make nodes below protocol `version` stop before the activation height."""

    version: U32


@dataclass(frozen=True, slots=True)
class Declare:
    """Say something in the name of the network."""

    text: LongText


Change = ChangeParam | ChangeProtocol | Declare
"""What a proposal would do."""


@dataclass(frozen=True, slots=True)
class Propose:
    """Put `change` to the vote, to take effect at `activation` or later; a hotkey signs."""

    change: Change
    activation: Height


@dataclass(frozen=True, slots=True)
class CastVote:
    """Vote with all root stake behind the signing hotkey; the last vote counts."""

    proposal: U32
    is_yes: bool
