"""Other nodes: where we listen, whom we call first, how many we keep."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.shapes import STRICT, Bootstrap, KeyName, Multiaddr


@dataclass(frozen=True, slots=True, config=STRICT)
class P2pSettings:
    """Other nodes: where we listen, whom we call first, how many we keep."""

    listen: tuple[Multiaddr, ...] = Field(
        default=("/ip4/0.0.0.0/tcp/9945",),
        description="Where to listen; port 0 is any free one.",
    )
    bootstrap: tuple[Bootstrap, ...] = Field(
        default=(), description="Nodes to call first; each ends in /p2p/PEER_ID."
    )
    mdns: bool = Field(
        default=False, description="Find nodes of this network on the local network."
    )
    max_peers: int = Field(default=50, description="Most connections kept.", ge=1, le=1000)
    node_key: KeyName = Field(
        default="node", description="Key in the keystore that is this node's identity."
    )
