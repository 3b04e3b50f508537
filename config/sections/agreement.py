"""Whether this node votes on blocks, and with which keys."""

from collections.abc import Iterator

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.errors import Clash
from config.shapes import STRICT, KeyName

NEXT_KEYS = 2
"""A consensus key and the beacon key that goes with it."""


@dataclass(frozen=True, slots=True, config=STRICT)
class AgreementSettings:
    """Whether this node votes on blocks, and with which keys."""

    validate: bool = Field(default=False, description="Vote on blocks; otherwise only follow.")
    consensus_key: KeyName = Field(
        default="consensus",
        description="Key in the keystore that signs votes. Never use it on two nodes.",
    )
    beacon_key: KeyName = Field(
        default="beacon", description="Key whose seed starts the beacon's hash chain."
    )
    next_keys: tuple[KeyName, ...] = Field(
        default=(),
        description="A consensus and a beacon key that take over once the chain has them.",
    )

    def find_clashes(self) -> Iterator[Clash]:
        """Yield what can't stand together."""
        if len(self.next_keys) not in {0, NEXT_KEYS}:
            key = "agreement.next_keys"
            yield Clash(
                key,
                key,
                f"{len(self.next_keys)} keys where a consensus key and its beacon key are needed.",
                "Name both, the consensus key first, or none.",
            )
