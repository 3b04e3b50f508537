"""One node's settings: what each may be, what it is by default, and what it is for.

Every setting is declared once, here. From the declaration follow the check of a value, the allowed
values an error names, the environment variable, the commented file of `neurond init` and the table
in `docs/configuration.md`. `config/reader.py` reads them; after that nothing changes.

Units stand at the end of a name (`_s`, `_ms`, `_bytes`). A relative path is relative to the folder
of the configuration file (to the working folder without one); `~` is the home folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from config.shapes import (
    BackendName,
    Bootstrap,
    File,
    KeyName,
    Listen,
    Multiaddr,
    NetworkName,
    NewFolder,
    NodeName,
)

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]
Role = Literal["miner", "validator", "none"]
Device = Literal["auto", "cpu", "cuda"]
Scalar = str | bool | int | float
"""What an option of a backend may be; `Task.read_options` knows which there are."""


_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, config=_STRICT)
class NodeSettings:
    """The process: its name, its folder, its network, its log."""

    name: NodeName = Field(
        default="node", description="What logs and the dashboard call this node."
    )
    data_dir: NewFolder = Field(
        default=Path("data"), description="Where the chain, votes and scores are kept."
    )
    network: NetworkName = Field(
        default="network.toml", description="The network file, or the name of a built-in network."
    )
    log_level: LogLevel = Field(
        default="info", description="Least level that is logged; SIGHUP reads it anew."
    )
    log_format: LogFormat = Field(
        default="console", description="Lines for people, or one JSON object per line."
    )
    shutdown_grace_s: float = Field(
        default=10.0,
        description="How long running requests may finish after SIGTERM.",
        ge=0,
        le=600,
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class P2pSettings:
    """Other nodes: where we listen, whom we call first, how many we keep."""

    listen: tuple[Multiaddr, ...] = Field(
        default=("/ip4/0.0.0.0/tcp/9945",),
        description="Multiaddrs to listen on; port 0 is any free one.",
    )
    bootstrap: tuple[Bootstrap, ...] = Field(
        default=(), description="Multiaddrs of nodes to call first, each ending in /p2p/PEER_ID."
    )
    mdns: bool = Field(
        default=False, description="Find nodes of this network on the local network."
    )
    max_peers: int = Field(default=50, description="Most connections kept.", ge=1, le=1000)
    node_key: KeyName = Field(
        default="node", description="Key in the keystore that is this node's identity."
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class AgreementSettings:
    """Whether this node votes on blocks, and with which keys."""

    validate: bool = Field(default=False, description="Vote on blocks; otherwise only follow.")
    consensus_key: KeyName = Field(
        default="consensus", description="Key in the keystore that signs votes. Never run it twice."
    )
    beacon_key: KeyName = Field(
        default="beacon", description="Key whose seed starts the beacon's hash chain."
    )
    next_keys: tuple[KeyName, ...] = Field(
        default=(),
        description="A consensus and a beacon key that take over once the chain has them.",
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class ValidatorSettings:
    """How a validator neuron asks miners."""

    miners_per_round: int = Field(
        default=0, description="Miners asked per round (0: all of them).", ge=0, le=4096
    )
    deadline_ms: int = Field(
        default=3_000, description="How long a miner may take to answer.", ge=10, le=600_000
    )
    round_interval_ms: int = Field(
        default=2_000,
        description="Least time between the starts of two rounds.",
        ge=50,
        le=3_600_000,
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class NeuronSettings:
    """What this node does in a subnet, and the worker process that does it."""

    role: Role = Field(default="none", description="Answer queries, judge answers, or neither.")
    netuid: int = Field(default=1, description="The subnet.", ge=1, le=65_535)
    hotkey: KeyName = Field(
        default="hotkey", description="Key in the keystore that acts in the subnet."
    )
    backend: BackendName = Field(
        default="builtin",
        description="What answers: the task's own reference miner, or a model of yours.",
    )
    device: Device = Field(
        default="auto", description="Where the model runs; auto takes CUDA when present."
    )
    threads: int = Field(default=1, description="CPU threads of the worker.", ge=1, le=256)
    batch_max: int = Field(
        default=256, description="Most units of work answered in one batch.", ge=1, le=4096
    )
    batch_wait_ms: float = Field(
        default=5.0, description="How long a batch waits for company.", ge=0, le=1_000
    )
    queue_max: int = Field(
        default=2_048,
        description="Units of work that may wait; beyond, the answer is Busy.",
        ge=1,
        le=65_536,
    )
    batch_deadline_s: float = Field(
        default=30.0,
        description="How long one batch may take before the worker restarts.",
        ge=0.1,
        le=3_600,
    )
    start_timeout_s: float = Field(
        default=300.0, description="How long the worker may load and train.", ge=1, le=864_000
    )
    memory_max_mb: int = Field(
        default=4_096,
        description="Memory the worker may hold before it restarts.",
        ge=128,
        le=10_000_000,
    )
    options: Mapping[str, Scalar] = Field(
        default_factory=dict[str, Scalar],
        description="What the backend takes: see docs/backends.md, and neurond task show NAME.",
    )
    validator: ValidatorSettings = ValidatorSettings()


@dataclass(frozen=True, slots=True, config=_STRICT)
class ApiSettings:
    """The local HTTP door. Beyond loopback it needs keys and TLS."""

    enabled: bool = Field(default=True, description="Serve HTTP at all.")
    listen: Listen = Field(
        default="127.0.0.1:9944",
        description="HOST:PORT; [::1]:9944 for IPv6; port 0 is any free one.",
    )
    keys_file: File | None = Field(
        default=None, description="File of accepted keys, one per line; SIGHUP reads it anew."
    )
    tls_cert: File | None = Field(default=None, description="Certificate chain, PEM.")
    tls_key: File | None = Field(default=None, description="The certificate's private key, PEM.")
    max_body_bytes: int = Field(
        default=1024 * 1024, description="Largest request body.", ge=1_024, le=64 * 1024 * 1024
    )
    max_connections: int = Field(default=256, description="Most open connections.", ge=1, le=10_000)
    max_concurrent: int = Field(
        default=64, description="Requests worked on at once; beyond, 503.", ge=1, le=10_000
    )
    rate_per_s: float = Field(
        default=100.0,
        description="Requests per second one client may make; beyond, 429.",
        ge=0.1,
        le=1e6,
    )
    rate_burst: int = Field(
        default=200, description="Requests one client may make at once.", ge=1, le=1_000_000
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class MetricsSettings:
    """Prometheus figures at /metrics of the HTTP door."""

    enabled: bool = Field(default=True, description="Serve /metrics.")


@dataclass(frozen=True, slots=True, config=_STRICT)
class KeysSettings:
    """Where keys lie and how they are opened. A password is never an argument."""

    keystore: NewFolder = Field(default=Path("keys"), description="Folder of encrypted key files.")
    password_file: File | None = Field(
        default=None,
        description="File whose first line opens the keys (also NEUROND_PASSWORD_FILE).",
    )
    insecure_devnet: bool = Field(
        default=False, description="Allow keys without a password. For throw-away networks only."
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class FaucetSettings:
    """Gives TAO to whoever asks. For networks whose TAO is worth nothing."""

    enabled: bool = Field(default=False, description="Serve POST /faucet.")
    key: KeyName = Field(
        default="faucet", description="Coldkey in the keystore that it gives from."
    )
    amount: int = Field(
        default=100_000_000_000,
        description="What one address gets at a time, in rao.",
        ge=1,
        le=10**15,
    )
    interval_s: float = Field(
        default=3_600.0, description="How long an address waits for more.", ge=1, le=864_000
    )


@dataclass(frozen=True, slots=True, config=_STRICT)
class Settings:
    """All of one node; each field is a table of the configuration file."""

    node: NodeSettings = NodeSettings()
    p2p: P2pSettings = P2pSettings()
    agreement: AgreementSettings = AgreementSettings()
    neuron: NeuronSettings = NeuronSettings()
    api: ApiSettings = ApiSettings()
    metrics: MetricsSettings = MetricsSettings()
    keys: KeysSettings = KeysSettings()
    faucet: FaucetSettings = FaucetSettings()
