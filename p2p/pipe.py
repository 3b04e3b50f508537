"""Frames out on one stream, in order, joined into few writes; the asks' half of `link.py`."""

from collections import deque

import trio

from p2p.errors import PeerGone
from p2p.wire import PIECE_MAX
from p2p.yamux import Stream

ROOM_BYTES = 1 << 18
"""Bytes that may wait before a producer has to: 256 KiB, one Yamux window."""


class Pipe:
    """A queue of frames and the task that writes them."""

    __slots__ = ("_bytes", "_frames", "_full", "_idle", "is_closed", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.is_closed = False
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._idle = trio.lowlevel.ParkingLot()
        self._full = trio.lowlevel.ParkingLot()

    def put(self, frame: bytes) -> None:
        """Queue a frame; never blocks, so a producer of many calls `wait_room` between them.

        Once the stream ended, nothing is queued any more.
        """
        if self.is_closed:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._idle:
            self._idle.unpark_all()

    @property
    def waiting(self) -> int:
        """Return how many bytes wait to be written."""
        return self._bytes

    async def wait_room(self) -> None:
        """Return when little enough waits.

        Raises:
            PeerGone: the stream ended.
        """
        while self._bytes > ROOM_BYTES and not self.is_closed:
            await self._full.park()
        if self.is_closed:
            raise PeerGone("the stream ended")

    async def run(self) -> None:
        """Write what is queued until the stream ends; end it for its reader too."""
        frames = self._frames
        try:
            while True:
                if not frames:
                    await self._idle.park()
                try:
                    await self.stream.write(self._take())
                except PeerGone:
                    await self.stream.reset()
                    return
                if self._full and self._bytes <= ROOM_BYTES:
                    self._full.unpark_all()
        finally:
            self.is_closed = True
            self._frames.clear()
            self._full.unpark_all()

    def _take(self) -> bytes:
        frames = self._frames
        first = frames.popleft()
        size = len(first)
        if not frames or size + len(frames[0]) > PIECE_MAX:
            self._bytes -= size
            return first
        parts = [first]
        while frames and size + len(frames[0]) <= PIECE_MAX:
            part = frames.popleft()
            parts.append(part)
            size += len(part)
        self._bytes -= size
        return b"".join(parts)
