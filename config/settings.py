"""One node's settings: what each may be, what it is by default, and what it is for.

Every setting is declared once, here. From the declaration follow the check of a value, the allowed
values an error names, the environment variable, the commented file of `neurond init` and the table
in `docs/configuration.md`. `config/reader.py` reads them; after that nothing changes.

Units stand at the end of a name (`_s`, `_ms`, `_bytes`). A relative path is relative to the folder
of the configuration file (to the working folder without one); `~` is the home folder.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]
Role = Literal["miner", "validator", "none"]
Device = Literal["auto", "cpu", "cuda"]
Backend = Literal["builtin"]
ModelKind = Literal["ngram", "transformer", "pooled"]
Shape = Literal[
    "text", "name", "key", "network", "multiaddr", "bootstrap", "listen", "file", "new folder"
]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a setting is for, and which values it takes beside its type (bounds are inclusive)."""

    about: str
    low: float | None = None
    high: float | None = None
    shape: Shape = "text"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The process: its name, its folder, its network, its log."""

    name: Annotated[str, Rule("What logs and the dashboard call this node.", shape="name")] = "node"
    data_dir: Annotated[
        Path, Rule("Where the chain, votes and scores are kept.", shape="new folder")
    ] = Path("data")
    network: Annotated[
        str, Rule("The network file, or the name of a built-in network.", shape="network")
    ] = "network.toml"
    log_level: Annotated[LogLevel, Rule("Least level that is logged; SIGHUP reads it anew.")] = (
        "info"
    )
    log_format: Annotated[LogFormat, Rule("Lines for people, or one JSON object per line.")] = (
        "console"
    )
    shutdown_grace_s: Annotated[
        float, Rule("How long running requests may finish after SIGTERM.", low=0, high=600)
    ] = 10.0


@dataclass(frozen=True, slots=True)
class P2pSettings:
    """Other nodes: where we listen, whom we call first, how many we keep."""

    listen: Annotated[
        tuple[str, ...], Rule("Multiaddrs to listen on; port 0 is any free one.", shape="multiaddr")
    ] = ("/ip4/0.0.0.0/tcp/9945",)
    bootstrap: Annotated[
        tuple[str, ...],
        Rule("Multiaddrs of nodes to call first, each ending in /p2p/PEER_ID.", shape="bootstrap"),
    ] = ()
    mdns: Annotated[bool, Rule("Find nodes of this network on the local network.")] = False
    max_peers: Annotated[int, Rule("Most connections kept.", low=1, high=1000)] = 50
    node_key: Annotated[
        str, Rule("Key in the keystore that is this node's identity.", shape="key")
    ] = "node"


@dataclass(frozen=True, slots=True)
class AgreementSettings:
    """Whether this node votes on blocks, and with which keys."""

    validate: Annotated[bool, Rule("Vote on blocks; otherwise only follow.")] = False
    consensus_key: Annotated[
        str, Rule("Key in the keystore that signs votes. Never run it twice.", shape="key")
    ] = "consensus"
    beacon_key: Annotated[
        str, Rule("Key whose seed starts the beacon's hash chain.", shape="key")
    ] = "beacon"
    next_keys: Annotated[
        tuple[str, ...],
        Rule(
            "A consensus and a beacon key that take over in the era that the chain has them from.",
            shape="key",
        ),
    ] = ()


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A miner's model: which one, how big, and how long it learns before it answers."""

    kind: Annotated[
        ModelKind, Rule("ngram counts, transformer learns, pooled combines the two.")
    ] = "pooled"
    train_steps: Annotated[
        int, Rule("Most training steps of the transformer.", low=1, high=10_000_000)
    ] = 400
    train_s: Annotated[float, Rule("Most seconds of training.", low=0.1, high=864_000)] = 20.0
    width: Annotated[
        int, Rule("Width of the transformer, a multiple of heads.", low=8, high=4096)
    ] = 64
    layers: Annotated[int, Rule("Layers of the transformer.", low=1, high=64)] = 2
    heads: Annotated[int, Rule("Attention heads per layer.", low=1, high=64)] = 4
    context: Annotated[int, Rule("Bytes the transformer sees.", low=4, high=4096)] = 64
    order: Annotated[int, Rule("Longest context the n-gram counts, in bytes.", low=0, high=6)] = 4
    corpus_bytes: Annotated[
        int, Rule("How much text the model learns from.", low=4_096, high=1_000_000_000)
    ] = 600_000
    seed: Annotated[int, Rule("Seed of initial weights and batches.", low=0, high=2**32 - 1)] = 1


@dataclass(frozen=True, slots=True)
class ValidatorSettings:
    """How a validator neuron asks miners."""

    queries_per_round: Annotated[
        int, Rule("Miners asked per round (0: all of them).", low=0, high=4096)
    ] = 0
    prefixes_per_query: Annotated[
        int, Rule("Prefixes in one query; more judge more sharply.", low=4, high=64)
    ] = 32
    deadline_ms: Annotated[
        int, Rule("How long a miner may take to answer.", low=10, high=600_000)
    ] = 3_000
    round_interval_ms: Annotated[
        int, Rule("Least time between the starts of two rounds.", low=50, high=3_600_000)
    ] = 2_000


@dataclass(frozen=True, slots=True)
class NeuronSettings:
    """What this node does in a subnet, and the worker process that does it."""

    role: Annotated[Role, Rule("Answer queries, judge answers, or neither.")] = "none"
    netuid: Annotated[int, Rule("The subnet.", low=1, high=65_535)] = 1
    hotkey: Annotated[str, Rule("Key in the keystore that acts in the subnet.", shape="key")] = (
        "hotkey"
    )
    backend: Annotated[Backend, Rule("What answers: the built-in models.")] = "builtin"
    device: Annotated[Device, Rule("Where the model runs; auto takes CUDA when present.")] = "auto"
    threads: Annotated[int, Rule("CPU threads of the worker.", low=1, high=256)] = 1
    batch_max: Annotated[int, Rule("Most prefixes answered in one batch.", low=1, high=4096)] = 256
    batch_wait_ms: Annotated[
        float, Rule("How long a batch waits for company.", low=0, high=1_000)
    ] = 5.0
    queue_max: Annotated[
        int, Rule("Prefixes that may wait; beyond, the answer is Busy.", low=1, high=65_536)
    ] = 2_048
    batch_deadline_s: Annotated[
        float, Rule("How long one batch may take before the worker restarts.", low=0.1, high=3_600)
    ] = 30.0
    start_timeout_s: Annotated[
        float, Rule("How long the worker may load and train.", low=1, high=864_000)
    ] = 300.0
    memory_max_mb: Annotated[
        int, Rule("Memory the worker may hold before it restarts.", low=128, high=10_000_000)
    ] = 4_096
    model: ModelSettings = field(default_factory=ModelSettings)
    validator: ValidatorSettings = field(default_factory=ValidatorSettings)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The local HTTP door. Beyond loopback it needs keys and TLS."""

    enabled: Annotated[bool, Rule("Serve HTTP at all.")] = True
    listen: Annotated[
        str, Rule("HOST:PORT; [::1]:9944 for IPv6; port 0 is any free one.", shape="listen")
    ] = "127.0.0.1:9944"
    keys_file: Annotated[
        Path | None,
        Rule("File of accepted keys, one per line; SIGHUP reads it anew.", shape="file"),
    ] = None
    tls_cert: Annotated[Path | None, Rule("Certificate chain, PEM.", shape="file")] = None
    tls_key: Annotated[Path | None, Rule("The certificate's private key, PEM.", shape="file")] = (
        None
    )
    max_body_bytes: Annotated[
        int, Rule("Largest request body.", low=1_024, high=64 * 1024 * 1024)
    ] = 1024 * 1024
    max_connections: Annotated[int, Rule("Most open connections.", low=1, high=10_000)] = 256
    max_concurrent: Annotated[
        int, Rule("Requests worked on at once; beyond, 503.", low=1, high=10_000)
    ] = 64
    rate_per_s: Annotated[
        float, Rule("Requests per second one client may make; beyond, 429.", low=0.1, high=1e6)
    ] = 100.0
    rate_burst: Annotated[
        int, Rule("Requests one client may make at once.", low=1, high=1_000_000)
    ] = 200


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Prometheus figures at /metrics of the HTTP door."""

    enabled: Annotated[bool, Rule("Serve /metrics.")] = True


@dataclass(frozen=True, slots=True)
class KeysSettings:
    """Where keys lie and how they are opened. A password is never an argument."""

    keystore: Annotated[Path, Rule("Folder of encrypted key files.", shape="new folder")] = Path(
        "keys"
    )
    password_file: Annotated[
        Path | None,
        Rule("File whose first line opens the keys (also NEUROND_PASSWORD_FILE).", shape="file"),
    ] = None
    insecure_devnet: Annotated[
        bool, Rule("Allow keys without a password. For throw-away networks only.")
    ] = False


@dataclass(frozen=True, slots=True)
class FaucetSettings:
    """Gives TAO to whoever asks. For networks whose TAO is worth nothing."""

    enabled: Annotated[bool, Rule("Serve POST /faucet.")] = False
    key: Annotated[str, Rule("Coldkey in the keystore that it gives from.", shape="key")] = "faucet"
    amount: Annotated[int, Rule("What one address gets at a time, in rao.", low=1, high=10**15)] = (
        100_000_000_000
    )
    interval_s: Annotated[
        float, Rule("How long an address waits for more.", low=1, high=864_000)
    ] = 3_600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All of one node; each field is a table of the configuration file."""

    node: NodeSettings = field(default_factory=NodeSettings)
    p2p: P2pSettings = field(default_factory=P2pSettings)
    agreement: AgreementSettings = field(default_factory=AgreementSettings)
    neuron: NeuronSettings = field(default_factory=NeuronSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    keys: KeysSettings = field(default_factory=KeysSettings)
    faucet: FaucetSettings = field(default_factory=FaucetSettings)
