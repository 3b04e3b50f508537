"""Who is told everything: never only those who came to us."""
# pyright: reportPrivateUsage=false
# A mesh is mended by its clock; here at once.

from collections import Counter
from contextlib import AsyncExitStack
from random import Random
from types import SimpleNamespace
from typing import cast

from p2p import mesh
from p2p.link import Link
from p2p.mesh import Mesh
from p2p.peers import Deed, PeerBook
from p2p.seen import RecentBodies
from tests.p2p.hostile import open_villain
from tests.p2p.nets import open_node, wait_until


def _say_nothing(frame: bytes) -> None:
    assert frame


def _make_link(number: int, *, is_outbound: bool) -> Link:
    link = SimpleNamespace(
        peer=bytes([number]),
        connection=SimpleNamespace(is_outbound=is_outbound),
        is_eager=False,
        put_control=_say_nothing,
    )
    return cast("Link", link)


def test_crowding_prunes_those_who_came_before_the_chosen_whatever_their_score():
    book = PeerBook(b"me", Random(1))
    room = Mesh(RecentBodies(), book, Random(1), Counter())
    for number in range(mesh.MESH_MAX + 4):
        link = _make_link(number, is_outbound=number < mesh.MESH_CHOSEN)
        room.join(link)
        link.is_eager = True
        if not link.connection.is_outbound:
            book.judge(link.peer, Deed.FIRST, 0.0, 100)
    room._mend_degree(0.0)
    eager = [link for link in room.links.values() if link.is_eager]
    assert len(eager) == mesh.MESH_DEGREE
    assert sum(link.connection.is_outbound for link in eager) == mesh.MESH_CHOSEN


async def test_a_peer_we_dialled_is_eager_though_many_came_first():
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(open_node(1))
        honest = await stack.enter_async_context(open_node(2))
        for number in range(100, 100 + mesh.MESH_DEGREE):
            villain = await stack.enter_async_context(open_villain(victim, number))
            await villain.open_gossip()
        await wait_until(lambda: victim.stats()["mesh_peers"] == mesh.MESH_DEGREE)
        peer = await victim.connect(honest.addresses[0])
        assert victim._gossip.links[peer].is_eager
