"""The quantities of the chain: integers with a unit, bytes with a length, texts with a bound.

Each is a `NewType` whose range the codec enforces (`consensus/codec.py`, table `BOUNDS`). A value
of these types made by our own code is trusted; one that came over a wire went through
`codec.decode`, which checks every bound. `Annotated[tuple[X, ...], CountMax(n)]` bounds a list.
"""

from dataclasses import dataclass
from typing import Annotated, NewType

Height = NewType("Height", int)
"""Number of a block in the chain, u64; genesis is 0. The clock of tempos, windows and eras."""
View = NewType("View", int)
"""One attempt at a block, u64; starts at 1 in every era, 0 is the era's genesis."""
Era = NewType("Era", int)
"""The term of one validator set, u64; the first is 1."""
Epoch = NewType("Epoch", int)
"""One tempo of one subnet's Yuma consensus: height // tempo, u64."""
NetUid = NewType("NetUid", int)
"""Number of a subnet, u16; 0 is root."""
Uid = NewType("Uid", int)
"""A neuron's slot in its subnet, u16; never a key by itself (slots are reused)."""
Amount = NewType("Amount", int)
"""Money in rao (TAO) or its alpha equal: 10^9 to the coin, u64."""
Weight = NewType("Weight", int)
"""A validator's weight for one miner, u16; the largest of a row is 65535."""
Ratio16 = NewType("Ratio16", int)
"""A proportion as u16, value / 65535."""
Nonce = NewType("Nonce", int)
"""How many transactions the signer has had included, u64."""
TimeMs = NewType("TimeMs", int)
"""Milliseconds since 1970-01-01 UTC, u64."""
ValidatorIndex = NewType("ValidatorIndex", int)
"""Place in an era's ordered validator set, u16."""
Steepness = NewType("Steepness", int)
"""Steepness of the liquid-alpha sigmoid in hundredths, -1000 to 1000."""
I64 = NewType("I64", int)
"""Any 64-bit integer with a sign."""
U16 = NewType("U16", int)
U32 = NewType("U32", int)
U64 = NewType("U64", int)

Hash32 = NewType("Hash32", bytes)
"""A BLAKE2b-256 digest, exactly 32 bytes."""
PublicKey = NewType("PublicKey", bytes)
"""An ed25519 public key, exactly 32 bytes."""
Signature = NewType("Signature", bytes)
"""An ed25519 signature, exactly 64 bytes."""
Salt = NewType("Salt", bytes)
"""What hides a weight commitment until its reveal, exactly 32 bytes."""
Bytes16 = NewType("Bytes16", bytes)
"""A random name, exactly 16 bytes."""
Bytes256 = NewType("Bytes256", bytes)
"""At most 256 bytes."""
Bytes64K = NewType("Bytes64K", bytes)
"""At most 65,536 bytes."""
ShortText = NewType("ShortText", str)
"""At most 128 bytes of UTF-8."""
LongText = NewType("LongText", str)
"""At most 1,024 bytes of UTF-8."""
TaskParams = NewType("TaskParams", bytes)
"""What a subnet's task wants to know, canonical CBOR of at most 4 KiB."""

ZERO_HASH = Hash32(bytes(32))
RAO_PER_TAO = 1_000_000_000
U16_MAX = 65_535
U64_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class CountMax:
    """Bound of a list in an `Annotated` field: at most `count` items."""

    count: int


# -- parts of calls -----------------------------------------------------------------------------


Consent = Annotated[tuple[Signature, ...], CountMax(1)]
"""A signature, or nothing where none is needed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What somebody says of themselves; nobody checks it."""

    name: ShortText
    url: ShortText
    contact: ShortText
    about: LongText
