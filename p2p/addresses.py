"""Multiaddrs of the kinds we dial, `/ip4/1.2.3.4/tcp/30333/p2p/12D3...`; sans-IO.

A peer id is the multihash bytes everywhere in this program and base58 only in text.
"""

import ipaddress
import re
from dataclasses import dataclass, replace

import base58

from p2p.errors import LocalFault

_HOSTS = {"ip4": 4, "ip6": 6, "dns": 0, "dns4": 0, "dns6": 0}
PORT_MAX = 65_535
TEXT_MAX = 128
"""Longest address with its peer id: what `ShortText` holds, so that it can be told to others."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class BadAddress(LocalFault):
    """A text is not a multiaddr that we dial."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(
            f"{text!r} is not an address like /ip4/1.2.3.4/tcp/30333/p2p/12D3...: {reason}"
        )


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer listens: `scheme` is ip4, ip6, dns, dns4 or dns6; `peer_id` may be unknown."""

    scheme: str
    host: str
    port: int
    peer_id: bytes | None = None

    def __str__(self) -> str:
        text = f"/{self.scheme}/{self.host}/tcp/{self.port}"
        return text if self.peer_id is None else f"{text}/p2p/{format_peer_id(self.peer_id)}"

    def with_peer(self, peer_id: bytes) -> "Address":
        """Return the same place with the peer id of who listens there."""
        return replace(self, peer_id=peer_id)

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine reaches it."""
        return self.scheme in ("ip4", "ip6") and ipaddress.ip_address(self.host).is_loopback

    @property
    def is_wildcard(self) -> bool:
        """Return whether it means every interface (0.0.0.0, ::)."""
        return self.scheme in ("ip4", "ip6") and ipaddress.ip_address(self.host).is_unspecified


def format_peer_id(peer_id: bytes) -> str:
    """Return the base58 text of a peer id, as other libp2p programs print it."""
    return base58.b58encode(peer_id).decode()


def parse_peer_id(text: str) -> bytes:
    """Return the peer id of a base58 text.

    Raises:
        BadAddress: it is not the base58 of an identity or sha2-256 multihash.
    """
    try:
        peer_id = base58.b58decode(text)
    except ValueError as error:
        raise BadAddress(text, "its peer id is not base58") from error
    if len(peer_id) < 2 or peer_id[0] not in (0x00, 0x12) or len(peer_id) != 2 + peer_id[1]:  # noqa: PLR2004
        raise BadAddress(text, "its peer id is not a multihash")
    return peer_id


def parse_address(text: str) -> Address:
    """Return the address a multiaddr text names.

    Raises:
        BadAddress: another transport, a bad host, port or peer id, or too long.
    """
    if len(text) > TEXT_MAX:
        raise BadAddress(text[:TEXT_MAX], f"it is longer than {TEXT_MAX} characters")
    parts = text.split("/")
    if len(parts) not in (5, 7) or parts[0] or parts[3] != "tcp" or parts[1] not in _HOSTS:
        raise BadAddress(text, "it is not /ip4|ip6|dns/HOST/tcp/PORT[/p2p/ID]")
    scheme, host, port = parts[1], parts[2], parts[4]
    if not (port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
        raise BadAddress(text, f"{port!r} is not a port")
    _check_host(text, scheme, host)
    if len(parts) == 5:  # noqa: PLR2004 - no peer id
        return Address(scheme, host, int(port))
    if parts[5] != "p2p":
        raise BadAddress(text, f"{parts[5]!r} is not p2p")
    return Address(scheme, host, int(port), parse_peer_id(parts[6]))


def _check_host(text: str, scheme: str, host: str) -> None:
    version = _HOSTS[scheme]
    if version == 0:
        if _NAME.fullmatch(host) is None:
            raise BadAddress(text, f"{host!r} is not a host name")
        return
    try:
        ip = ipaddress.ip_address(host)
    except ValueError as error:
        raise BadAddress(text, f"{host!r} is not an IP address") from error
    if ip.version != version:
        raise BadAddress(text, f"{host!r} is not an {scheme} address")


def compute_network_group(host: str) -> str:
    """Return the network group of a host: the /16 of an IPv4, the /32 of an IPv6, else the name.

    Loopback is one group per address: a test network of many nodes is not a sybil attack.
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return host
    if ip.is_loopback:
        return "loopback"
    return str(ipaddress.ip_network((ip, 16 if ip.version == 4 else 32), strict=False))  # noqa: PLR2004


def compute_site(host: str) -> str:
    """Return the least one owner has to itself: an IPv4 address, or the /64 of an IPv6 address."""
    ip = ipaddress.ip_address(host)
    return host if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))  # noqa: PLR2004
