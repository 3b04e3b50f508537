from consensus import codec
from consensus.quantities import ZERO_HASH
from consensus.types import VoteKind
from storage.store import Store
from tests.storage.samples import (
    SIGNATURE,
    digest_of,
    make_block,
    make_certificate,
    make_chain,
    make_final,
    make_proposal,
)


async def finalize(store: Store, length: int) -> None:
    for block in make_chain(length):
        certificate = make_certificate(block) if block.header.height else None
        await store.finalize([make_final(block)], certificate)


async def test_a_proposal_comes_back_with_its_leader_s_signature(store: Store):
    proposal = make_proposal(make_block())
    await store.persist(blocks=[proposal])
    digest = digest_of(proposal.block)
    assert store.blocks.proposal(digest) == proposal
    assert store.blocks.block(digest) == proposal.block
    assert store.blocks.block_bytes(digest) == codec.encode(proposal.block)


async def test_a_block_without_signature_gains_one_and_never_loses_it(store: Store):
    block = make_block()
    digest = digest_of(block)
    await store.persist(blocks=[block])
    assert store.blocks.proposal(digest) is None
    await store.persist(blocks=[make_proposal(block)])
    await store.persist(blocks=[block])
    proposal = store.blocks.proposal(digest)
    assert proposal is not None
    assert proposal.signature == SIGNATURE


async def test_what_is_not_stored_is_none(store: Store):
    assert store.blocks.head() is None
    assert store.blocks.block_at(0) is None
    assert store.blocks.block(ZERO_HASH) is None
    assert store.blocks.proposal(ZERO_HASH) is None
    assert store.blocks.receipts_at(0) is None
    assert store.blocks.finality(0) is None
    assert store.blocks.certificate(VoteKind.NOTARIZE, 1, 1) is None


async def test_finality_drops_passed_proposals_and_certificates_but_not_later_ones(store: Store):
    await finalize(store, 1)
    chain = make_chain(2)
    lost = make_block(2, digest_of(chain[1]), view=2)
    final = make_block(2, digest_of(chain[1]), view=4)
    later = make_block(3, digest_of(final), view=5)
    await store.persist(
        blocks=[lost, final, later],
        certificates=[make_certificate(b, VoteKind.NOTARIZE) for b in (lost, final, later)],
    )
    await store.finalize([make_final(final)], make_certificate(final))
    assert store.blocks.block(digest_of(lost)) is None
    assert store.blocks.header(digest_of(lost)) is None
    assert store.blocks.open_blocks() == (later,)
    assert [c.view for c in store.blocks.open_certificates()] == [4, 5]
    assert store.blocks.certificate(VoteKind.NOTARIZE, 1, 2) is None
    assert store.blocks.block_at(2) == final


async def test_ranges_are_encoded_blocks_within_the_bytes_asked_for(store: Store):
    await finalize(store, 9)
    blocks = make_chain(9)
    encoded = [codec.encode(block) for block in blocks]
    assert await store.blocks.bodies(2, 3) == tuple(encoded[2:5])
    assert await store.blocks.bodies(8, 100) == tuple(encoded[8:])
    assert await store.blocks.bodies(10, 5) == ()
    assert await store.blocks.bodies(0, 9, bytes_max=len(encoded[0]) * 2) == tuple(encoded[:2])
    assert await store.blocks.bodies(3, 9, bytes_max=1) == (encoded[3],)
    headers = await store.blocks.headers(4, 2)
    assert headers == tuple(codec.encode(block.header) for block in blocks[4:6])
    assert await store.blocks.headers(2**64 - 1, 2**64 - 1) == ()


async def test_the_certificate_of_each_height_that_has_one_is_kept(store: Store):
    await finalize(store, 5)
    blocks = make_chain(5)
    assert store.blocks.finality(0) == (1, make_certificate(blocks[1]))
    assert store.blocks.finality(4) == (4, make_certificate(blocks[4]))
    assert store.blocks.finality(6) is None
