"""What this node answers other nodes: blocks by digest, ranges of final blocks, how far it is.

Every answer is bounded by `parcels.PARCEL_BYTES_MAX`; the network room bounds how many are worked
on at once and how often a peer may ask.
"""

from collections.abc import Mapping

import trio

from consensus import codec, parcels
from consensus.agreement.simplex import Simplex
from consensus.quantities import Hash32
from consensus.types import Block
from daemon.engine.driver import Driver
from p2p.answers import Answer
from p2p.errors import Refuse
from storage.store import Store

ANCESTORS_MAX = 16
"""Blocks in one answer to `BLOCK_ASK` (`docs/spec/agreement.md` 2.7)."""
RANGE_MAX = 256
"""Blocks in one answer to `RANGE_ASK`, which may go beyond the count asked (`_pack_range`)."""
CERTIFICATE_ROOM = 64 << 10
"""What of a parcel is kept for its certificate (20 KB with 256 signers) and the prefixes."""
MALFORMED = 1
"""Code of the refusal of a question that can't be read."""
_RANGE_BYTES, _ERA_BYTES = 10, 8


def make_answers(store: Store, driver: Driver) -> Mapping[str, Answer]:
    """Return the handlers of every question about the chain, by kind."""

    async def answer_block(_peer: bytes, payload: bytes) -> bytes:
        question = parcels.read_block_ask(payload)
        if question is None:
            raise Refuse(MALFORMED, "a block is asked for by 40 bytes: digest, height")
        await trio.lowlevel.checkpoint()
        return _pack_ancestors(store, driver.machine, *question)

    async def answer_head(_peer: bytes, _payload: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        return store.states.head.to_bytes(8, "big")

    async def answer_proof(_peer: bytes, _payload: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        return _pack_proof(store)

    async def answer_range(_peer: bytes, payload: bytes) -> bytes:
        if len(payload) != _RANGE_BYTES:
            raise Refuse(MALFORMED, "a range has 10 bytes: first height, count")
        first, count = int.from_bytes(payload[:8], "big"), int.from_bytes(payload[8:], "big")
        return await _pack_range(store, first, count)

    async def answer_era(_peer: bytes, payload: bytes) -> bytes:
        if len(payload) != _ERA_BYTES:
            raise Refuse(MALFORMED, "an era has 8 bytes")
        await trio.lowlevel.checkpoint()
        ended = store.blocks.hand_off(int.from_bytes(payload, "big"))
        return b"" if ended is None else codec.encode(ended)

    return {
        parcels.BLOCK_ASK: answer_block,
        parcels.ERA_ASK: answer_era,
        parcels.HEAD_ASK: answer_head,
        parcels.PROOF_ASK: answer_proof,
        parcels.RANGE_ASK: answer_range,
    }


def _pack_ancestors(store: Store, machine: Simplex, digest: Hash32, height: int) -> bytes:
    """Return the block and up to 15 ancestors above `height`, oldest first, as far as they fit."""
    encodings: list[bytes] = []
    room = parcels.PARCEL_BYTES_MAX
    while len(encodings) < ANCESTORS_MAX:
        entry = machine.tree.get(digest)
        header = entry.block.header if entry else store.blocks.header(digest)
        if header is None or (encodings and header.height <= height):
            break
        encoding = store.blocks.block_bytes(digest)
        if encoding is None and entry is not None:
            encoding = codec.encode(entry.block)
        if encoding is None or len(encoding) + 4 > room:
            break
        room -= len(encoding) + 4
        encodings.append(encoding)
        digest = header.parent
    return parcels.pack_items(reversed(encodings))


def _pack_proof(store: Store) -> bytes:
    """Return the certificate of our head and the header it names; nothing of genesis."""
    head = store.blocks.head()
    if head is None or head.certificate is None:
        return b""
    header = store.blocks.header(head.certificate.digest)  # a seal's, at an era's end
    assert header is not None, "what a head's certificate names is stored with it"
    return parcels.pack_items([codec.encode(head.certificate), codec.encode(header)])


async def _pack_range(store: Store, first: int, count: int) -> bytes:
    """Return final blocks of one era from `first` on, the last of which has its own certificate.

    After an era's last block come the seals up to the certified one, without their certificates.

    A node that caught up has a certificate for every 64th height or so: the answer then goes on
    to the first of them, be it beyond `count`. It is empty if none fits into a parcel.
    """
    finality = store.blocks.finality(first)
    if finality is None:
        return b""
    count = min(RANGE_MAX, max(count, finality[0] - first + 1))
    seals: list[bytes] = []
    ended = store.blocks.hand_off(finality[1].era)
    if ended is not None:
        count = min(count, ended.header.height - first + 1)
        bare = (Block(header, (), ()) for header in store.blocks.seals(ended.header.era))
        seals += [codec.encode(seal) for seal in bare]
    room = parcels.PARCEL_BYTES_MAX - CERTIFICATE_ROOM - sum(map(len, seals))
    bodies = list(await store.blocks.bodies(first, count, room))
    while bodies:
        last = first + len(bodies) - 1
        finality = store.blocks.finality(last)
        if finality is not None and finality[0] == last:
            above = seals if ended is not None and last == ended.header.height else []
            return parcels.pack_items([codec.encode(finality[1]), *bodies, *above])
        bodies.pop()
    return b""
