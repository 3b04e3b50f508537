"""Pull announced bodies: several at once, from whoever announced them, held up by nobody.

An announcer that does not give what it named costs `HEDGE_S`: then the next is asked as well, and
the first body that bears the name ends it. One neighbour may begin `SHARE_MAX` pulls at a time.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from p2p import wire
from p2p.errors import NetworkError
from p2p.link import Link
from p2p.peers import Deed
from p2p.wire import Announcement, MessageId

PULLS_MAX, PULL_S = 16, 8.0
"""Large bodies pulled at once (16 MiB), and how long one neighbour may take to give one."""
SHARE_MAX = 4
"""How many of them one neighbour may have begun."""
HEDGE_S = 1.0
"""How long one announcer is waited for before the next is asked as well."""

Pull = Callable[[bytes, Announcement], Awaitable[bytes]]
"""Ask a peer for an announced body; raises NetworkError."""
OnBody = Callable[[Link, Announcement, bytes], None]
Blame = Callable[[Link, Deed, float], None]


@dataclass(slots=True)
class _Body:
    """A body that is being pulled: who announced it, and which of them are still to be asked."""

    first: Link
    announcers: set[Link] = field(default_factory=set[Link])
    sources: deque[tuple[Link, Announcement]] = field(
        default_factory=deque[tuple[Link, Announcement]]
    )
    changed: trio.Event = field(default_factory=trio.Event)
    asking: int = 0
    is_here: bool = False


class Pulls:
    """The bodies that are being pulled."""

    def __init__(self, on_body: OnBody, blame: Blame, counts: Counter[str]) -> None:
        self._on_body = on_body
        self._blame = blame
        self._counts = counts
        self._bodies: dict[MessageId, _Body] = {}
        self._nursery: trio.Nursery
        self._pull: Pull

    def begin(self, nursery: trio.Nursery, pull: Pull) -> None:
        """Say where pulls run and what asks a peer."""
        self._nursery, self._pull = nursery, pull

    def add(self, link: Link, announcement: Announcement) -> None:
        """Note that `link` has a body; pull it, from it or from whoever announced it before."""
        name = announcement.message_id
        body = self._bodies.get(name)
        if body is None:
            begun = sum(other.first is link for other in self._bodies.values())
            if len(self._bodies) >= PULLS_MAX or begun >= SHARE_MAX:
                self._counts["pulls_refused"] += 1
                return
            body = self._bodies[name] = _Body(link)
            self._nursery.start_soon(self._run, name, body)
        if link not in body.announcers:
            body.announcers.add(link)
            body.sources.append((link, announcement))
            body.changed.set()

    async def _run(self, name: MessageId, body: _Body) -> None:
        """Ask one announcer after another until one has given the body it named."""
        try:
            async with trio.open_nursery() as nursery:
                while not body.is_here and (body.sources or body.asking):
                    body.changed = trio.Event()
                    if body.sources:
                        body.asking += 1
                        nursery.start_soon(self._ask, body, *body.sources.popleft())
                    with trio.move_on_after(HEDGE_S):
                        await body.changed.wait()
                nursery.cancel_scope.cancel()
        finally:
            del self._bodies[name]

    async def _ask(self, body: _Body, link: Link, announcement: Announcement) -> None:
        payload = b""
        with trio.move_on_after(PULL_S):
            try:
                payload = await self._pull(link.peer, announcement)
            except NetworkError:
                payload = b""
        body.asking -= 1
        if wire.compute_message_id(announcement.topic, payload) != announcement.message_id:
            self._counts["pulls_failed"] += 1
            self._blame(link, Deed.BROKE_PROMISE, trio.current_time())
        elif not body.is_here:
            body.is_here = True
            self._on_body(link, announcement, payload)
        body.changed.set()
