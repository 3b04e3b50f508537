"""Can strangers call this node? What its addresses and its callers show, in one sentence.

Nobody but a caller proves it: a peer that reached us is a yes. Before that, the addresses tell
what is possible: loopback is this machine's alone, a private address needs a forwarded port, a
public one may still stand behind a firewall. A node that nobody can call works all the same, by
the calls it makes; it only can't be anybody's first contact.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from p2p.addresses import Address, parse_address


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether others can call us, why we think so, and what would change it (empty: nothing)."""

    verdict: Literal["yes", "unknown", "no"]
    why: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}: {self.why}" + (f" {self.remedy}" if self.remedy else "")


def judge_reach(listening: Sequence[str], callers: Iterable[str]) -> Reach:
    """Judge by the multiaddrs we listen on and the addresses peers called us from."""
    places = [parse_address(text) for text in listening]
    if not places:
        return Reach("no", "it listens nowhere.", "Set p2p.listen.")
    ports = ", ".join(str(port) for port in sorted({place.port for place in places}))
    widest = max((_width(parse_address(text)) for text in callers), default=-1)
    if widest >= 0:
        return Reach("yes", f"a peer {_FROM[widest]} called it.")
    reaching = max(map(_width, places))
    if reaching == _LOOPBACK:
        remedy = f"For others, set p2p.listen to /ip4/0.0.0.0/tcp/{places[0].port}."
        return Reach("no", "it listens on loopback, for this machine alone.", remedy)
    if reaching == _PRIVATE:
        remedy = f"For the internet, forward TCP port {ports} to this machine."
        return Reach("unknown", "its address is the local network's; nobody called yet.", remedy)
    return Reach(
        "unknown", "nobody called yet.", f"Firewalls and routers must let TCP port {ports} in."
    )


def find_farthest(callers: Sequence[str]) -> tuple[str, ...]:
    """Return the address that shows most, alone; nothing of nothing."""
    return tuple(sorted(callers, key=lambda text: _width(parse_address(text)))[-1:])


_LOOPBACK, _PRIVATE, _PUBLIC = 0, 1, 2
_FROM = {_LOOPBACK: "on this machine", _PRIVATE: "of the local network", _PUBLIC: "from outside"}


def _width(place: Address) -> int:
    """Return how far away whoever uses `place` can be; names and wildcards may be anywhere."""
    if place.is_loopback:
        return _LOOPBACK
    if place.is_wildcard or place.scheme not in ("ip4", "ip6"):
        return _PUBLIC
    return _PRIVATE if ipaddress.ip_address(place.host).is_private else _PUBLIC
