"""Yamux between two ends and against an end that breaks it."""

import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from p2p import yamux
from p2p.errors import PeerGone
from p2p.yamux import Mux, ProtocolError, Stream
from tests.p2p.nets import wait_until

HEAD = struct.Struct("!BBHII")
DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8


def _same(data: bytes) -> bytes:
    return data


async def _sockets() -> tuple[trio.SocketStream, trio.SocketStream]:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    one = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    two = await listener.accept()
    await listener.aclose()
    return one, two


@asynccontextmanager
async def open_muxes() -> AsyncGenerator[tuple[Mux, Mux]]:
    """Open two ends that talk to each other, unsealed."""
    one, two = await _sockets()
    left = Mux(one, _same, _same, is_initiator=True)
    right = Mux(two, _same, _same, is_initiator=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(left.run, b"", b"")
        nursery.start_soon(right.run, b"", b"")
        try:
            yield left, right
        finally:
            nursery.cancel_scope.cancel()
            left.abort()
            right.abort()


async def _open(left: Mux, right: Mux) -> tuple[Stream, Stream]:
    ours = left.open()
    await ours.write(b"?")
    theirs = await right.accept()
    assert await theirs.read() == b"?"
    return ours, theirs


async def _read_all(stream: Stream) -> bytes:
    data = b""
    while True:
        try:
            data += await stream.read()
        except PeerGone:
            return data


async def test_bytes_arrive_in_order_whatever_their_number():
    async with open_muxes() as (left, right):
        ours, theirs = await _open(left, right)
        payload = b"".join(number.to_bytes(4, "big") for number in range(300_000))

        async def write() -> None:
            await ours.write(payload)
            await ours.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            with trio.fail_after(10):
                assert await _read_all(theirs) == payload


async def test_a_reader_that_does_not_read_stops_the_writer_at_its_window():
    async with open_muxes() as (left, right):
        ours, theirs = await _open(left, right)
        with trio.move_on_after(0.1) as scope:
            await ours.write(bytes(2 * yamux.WINDOW_BYTES))
        assert scope.cancelled_caught
        assert theirs.buffered == yamux.WINDOW_BYTES - 1
        other, _ = await _open(left, right)
        await other.write(b"still open")


async def test_a_window_that_stays_shut_ends_the_stream(autojump_clock: trio.testing.MockClock):
    async with open_muxes() as (left, right):
        ours, _ = await _open(left, right)
        ours.window = 0
        with pytest.raises(PeerGone, match="reads no more"):
            await ours.write(b"x")


async def test_a_window_opened_by_crumbs_ends_the_stream(
    autojump_clock: trio.testing.MockClock,
):
    async with open_muxes() as (left, right), trio.open_nursery() as nursery:
        ours, _ = await _open(left, right)
        ours.window = 0

        async def crumble() -> None:
            while True:
                await trio.sleep(yamux.STALL_S / 2)
                ours.allow(1)

        nursery.start_soon(crumble)
        with trio.fail_after(1_000), pytest.raises(PeerGone, match="reads no more"):
            await ours.write(bytes(1_000))
        nursery.cancel_scope.cancel()


async def test_what_comes_for_a_stream_reset_meanwhile_is_not_held():
    one, two = await _sockets()
    mux = Mux(two, _same, _same, is_initiator=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mux.run, b"", b"")
        await one.send_all(_record(OPEN, HEAD.pack(0, DATA, 0, 1, 1_000), bytes(500)))
        stream = await mux.accept()
        await stream.read()
        await stream.reset()
        await one.send_all(_record(bytes(500), HEAD.pack(0, WINDOW, SYN, 3, 0)))
        await mux.accept()
        assert mux.held == 0
        mux.abort()
    await one.aclose()


async def test_a_closed_stream_still_hears_the_answer():
    async with open_muxes() as (left, right):
        ours, theirs = await _open(left, right)
        await ours.close()
        with pytest.raises(PeerGone):
            await theirs.read()
        await theirs.write(b"answer")
        assert await ours.read() == b"answer"
        await theirs.close()
        with pytest.raises(PeerGone):
            await ours.read()
        await wait_until(lambda: not left.streams and not right.streams)


async def test_a_reset_ends_both_ends_and_leaves_nothing():
    async with open_muxes() as (left, right):
        ours, theirs = await _open(left, right)
        await theirs.write(b"unread")
        await ours.reset()
        with pytest.raises(PeerGone):
            await theirs.read()
        with pytest.raises(PeerGone):
            await theirs.write(b"x")
        assert left.streams == {}
        assert right.streams == {}
        assert left.held == 0


async def test_an_ended_connection_ends_every_reader_writer_and_opener():
    async with open_muxes() as (left, right):
        ours, theirs = await _open(left, right)
        left.abort()
        for stream in (ours, theirs):
            with pytest.raises(PeerGone):
                await stream.read()
        with pytest.raises(PeerGone):
            await ours.write(b"x")
        with pytest.raises(PeerGone):
            left.open()
        with pytest.raises(PeerGone):
            await right.accept()


async def test_a_cancelled_write_ends_the_connection():
    async with open_muxes() as (left, right):
        ours, _ = await _open(left, right)
        with trio.move_on_after(0):
            await ours.write(b"x")
        with pytest.raises(PeerGone):
            await ours.write(b"y")


def _record(*frames: bytes) -> bytes:
    data = b"".join(frames)
    return len(data).to_bytes(2, "big") + data


OPEN = HEAD.pack(0, WINDOW, SYN, 1, 0)


@pytest.mark.parametrize(
    "frames",
    [
        (HEAD.pack(1, DATA, 0, 1, 0),),
        (HEAD.pack(0, 9, 0, 1, 0),),
        (HEAD.pack(0, WINDOW, SYN, 2, 0),),
        (OPEN, OPEN),
        (HEAD.pack(0, WINDOW, SYN, 3, 0), OPEN),
        (OPEN, HEAD.pack(0, DATA, 0, 1, yamux.WINDOW_BYTES + 1)),
        (OPEN, HEAD.pack(0, DATA, 0, 1, 2**32 - 1)),
        (HEAD.pack(0, DATA, 0, 77, 2**32 - 1),),
        (OPEN, HEAD.pack(0, WINDOW, 0, 1, 2**32 - 1)),
        (HEAD.pack(0, GO_AWAY, 0, 0, 0),),
        tuple(HEAD.pack(0, WINDOW, SYN, 2 * n + 1, 0) for n in range(yamux.UNTAKEN_MAX + 1)),
    ],
)
async def test_a_broken_frame_ends_the_connection(frames: tuple[bytes, ...]):
    one, two = await _sockets()
    mux = Mux(two, _same, _same, is_initiator=False)
    await one.send_all(_record(*frames))
    with trio.fail_after(2), pytest.raises(ExceptionGroup) as caught:
        await mux.run(b"", b"")
    assert caught.group_contains(ProtocolError)
    await one.aclose()


async def test_a_peer_that_asks_and_does_not_read_is_hung_up_on():
    one, two = await _sockets()
    mux = Mux(two, _same, _same, is_initiator=False)
    ping = _record(*[HEAD.pack(0, PING, SYN, 0, 1)] * 1_000)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mux.run, b"", b"")
            with suppress(trio.BrokenResourceError):
                while True:
                    await one.send_all(ping)
    await one.aclose()


async def test_unread_bytes_of_all_streams_together_are_bounded():
    one, two = await _sockets()
    mux = Mux(two, _same, _same, is_initiator=False)
    fill = bytes(16_000)

    async def flood() -> None:
        with suppress(trio.BrokenResourceError):
            for number in range(1, 21, 2):
                await one.send_all(_record(HEAD.pack(0, WINDOW, SYN, number, 0)))
                for _ in range(16):
                    head = HEAD.pack(0, DATA, 0, number, len(fill))
                    await one.send_all(_record(head, fill))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(flood)
        with trio.fail_after(5), pytest.raises(ExceptionGroup) as caught:
            await mux.run(b"", b"")
    assert caught.group_contains(ProtocolError, match="allowed")
    assert mux.held <= yamux.HELD_MAX
    await one.aclose()


async def test_frames_may_be_cut_anywhere_and_come_with_the_handshake():
    one, two = await _sockets()
    mux = Mux(two, _same, _same, is_initiator=False)
    body = b"0123456789" * 10
    frames = OPEN + HEAD.pack(0, DATA, FIN, 1, len(body)) + body
    plain, sealed = (
        frames[:7],
        b"".join(_record(frames[at : at + 3]) for at in range(7, len(frames), 3)),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mux.run, sealed[:50], plain)
        await one.send_all(sealed[50:])
        stream = await mux.accept()
        with trio.fail_after(2):
            assert await _read_all(stream) == body
        mux.abort()
    await one.aclose()
