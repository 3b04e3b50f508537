"""Giving TAO away, on networks where it is worth nothing."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.shapes import STRICT, KeyName


@dataclass(frozen=True, slots=True, config=STRICT)
class FaucetSettings:
    """Gives TAO to whoever asks. For networks whose TAO is worth nothing."""

    enabled: bool = Field(default=False, description="Serve POST /faucet.")
    key: KeyName = Field(
        default="faucet", description="Coldkey in the keystore that it gives from."
    )
    amount: int = Field(
        default=100_000_000_000,
        description="What one address gets at a time, in rao.",
        ge=1,
        le=10**15,
    )
    interval_s: float = Field(
        default=3_600.0, description="How long an address waits for more.", ge=1, le=864_000
    )
