"""The process: its name, its folder, its network, its log."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from config.shapes import STRICT, NetworkName, NewFolder, NodeName

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]


@dataclass(frozen=True, slots=True, config=STRICT)
class NodeSettings:
    """The process: its name, its folder, its network, its log."""

    name: NodeName = Field(
        default="node", description="What logs and the dashboard call this node."
    )
    data_dir: NewFolder = Field(
        default=Path("data"), description="Where the chain, votes and scores are kept."
    )
    network: NetworkName = Field(
        default="network.toml", description="The network file: all that its nodes agree on."
    )
    log_level: LogLevel = Field(
        default="info", description="Lowest level that is logged; SIGHUP reads it again."
    )
    log_format: LogFormat = Field(
        default="console", description="Lines for people, or one JSON object a line."
    )
    shutdown_grace_s: float = Field(
        default=10.0,
        description="How long running requests may finish after SIGTERM.",
        ge=0,
        le=600,
    )
