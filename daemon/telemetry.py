"""Logs and counters; the only place logging is configured, but for libp2p's (`p2p/transport.py`).

Logs: one logger per room (`get_logger("p2p")`), to stderr, as lines for people or one JSON object
per line. structlog writes through the standard library, so libraries that log there come out alike.
`set_level` changes the level of a running process (SIGHUP).

Counters: a `Telemetry` holds its own Prometheus registry; there is no module-level state, and two
nodes in one process don't share figures. Figures that another part counts itself (gossip, the queue
of a worker) are read when they are asked for: `telemetry.watch(name, about, read)`.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from config.sections.node import LogFormat, LogLevel

Logger = structlog.stdlib.BoundLogger
SECRET_WORDS = ("password", "secret", "seed", "authorization", "api_key", "mnemonic", "private")
"""A log field whose name contains one of these is written as `***`: keys don't belong in logs."""
QUIET = {"libp2p": logging.ERROR, "anycorn": logging.WARNING, "zeroconf": logging.ERROR}
"""Libraries that log an error for every frame a stranger breaks, and how much of them we want."""
FINALITY_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)
"""Around the aim of 40 ms on a local network, up to one that is barely alive."""


def get_logger(room: str) -> Logger:
    """Return the logger of a room; its name stands in every line."""
    logger: Logger = structlog.stdlib.get_logger(f"neurond.{room}")
    return logger


def configure_logging(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send all logs of this process to `stream` (stderr) from `level` up."""
    target = sys.stderr if stream is None else stream
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_room,
        hide_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=Logger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    render: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=target.isatty(),
                pad_event_to=32,
                # A rich traceback prints local variables, and keys are among them.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
    set_level(level)


def set_level(level: LogLevel) -> None:
    """Log from `level` up from now on, in every room."""
    logging.getLogger().setLevel(level.upper())


def hide_secrets(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Blank every field whose name says it holds a secret."""
    for name in event:
        if any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "***"
    return event


def _add_room(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Name the room (or the library) a line comes from."""
    record = event.get("_record")
    name = record.name if isinstance(record, logging.LogRecord) else getattr(_logger, "name", "")
    event["room"] = str(name).removeprefix("neurond.")
    return event


class Telemetry:
    """Every figure this node publishes, by name; whoever knows a figure sets it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        ProcessCollector(registry=r)
        # the chain
        self.height = Gauge("neurond_height", "Height of the last final block.", registry=r)
        self.view = Gauge("neurond_view", "View the agreement is in.", registry=r)
        self.era = Gauge("neurond_era", "Era the agreement is in.", registry=r)
        self.finality_s = Histogram(
            "neurond_finality_seconds",
            "From a block's proposal, as this node saw it, to its finality.",
            buckets=FINALITY_BUCKETS_S,
            registry=r,
        )
        self.apply_s = Histogram(
            "neurond_apply_seconds", "Applying one block to the state.", registry=r
        )
        self.transactions = Counter(
            "neurond_transactions", "Transactions in final blocks.", ["result"], registry=r
        )
        self.votes = Counter(
            "neurond_votes", "Votes by kind and origin.", ["kind", "origin"], registry=r
        )
        self.conflicting_votes = Counter(
            "neurond_conflicting_votes",
            "Proofs seen that a validator contradicted itself.",
            registry=r,
        )
        self.mempool = Gauge("neurond_mempool_transactions", "Pending transactions.", registry=r)
        self.mempool_bytes = Gauge("neurond_mempool_bytes", "Pending bytes.", registry=r)
        self.issued = Gauge("neurond_issued_rao", "Rao that exist.", registry=r)
        # the network
        self.peers = Gauge("neurond_peers", "Connected peers.", registry=r)
        self.syncing = Gauge("neurond_syncing", "1 while catching up.", registry=r)
        self.verdicts = Counter(
            "neurond_gossip_verdicts", "Gossip judged.", ["topic", "verdict"], registry=r
        )
        # the neuron
        self.neuron_state = Gauge(
            "neurond_neuron_state", "1 for the state the neuron is in.", ["state"], registry=r
        )
        self.weights_age_epochs = Gauge(
            "neurond_weights_age_epochs",
            "Epochs since our weights last counted.",
            ["netuid"],
            registry=r,
        )
        self.worker_restarts = Counter("neurond_worker_restarts", "Worker restarts.", registry=r)
        self.query_s = Histogram(
            "neurond_query_seconds", "Time of a query by side.", ["side"], registry=r
        )
        # the door
        self.http_requests = Counter(
            "neurond_http_requests", "HTTP requests.", ["route", "status"], registry=r
        )
        self.http_s = Histogram("neurond_http_seconds", "HTTP latency.", ["route"], registry=r)
        self.build = Gauge("neurond_build_info", "Always 1.", ["version", "network"], registry=r)

    def watch(self, name: str, about: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Publish `neurond_<name>{kind=...}` with the figures `read` returns at each scrape."""
        self.registry.register(_Watched(f"neurond_{name}", about, read))

    def set_neuron_state(self, state: str) -> None:
        """Say that the neuron is in `state` and in no other."""
        self.neuron_state.clear()
        self.neuron_state.labels(state).set(1)

    def render(self) -> bytes:
        """Return every figure in Prometheus' text format."""
        return generate_latest(self.registry)


class _Watched(Collector):
    """Figures read from their owner at scrape time."""

    def __init__(self, name: str, about: str, read: Callable[[], Mapping[str, float]]) -> None:
        self._name = name
        self._about = about
        self._read = read

    def describe(self) -> Iterator[Metric]:
        """Return the name alone, so that registering asks its owner nothing."""
        yield GaugeMetricFamily(self._name, self._about, labels=["kind"])

    def collect(self) -> Iterator[Metric]:
        """Read the figures now."""
        family = GaugeMetricFamily(self._name, self._about, labels=["kind"])
        for kind, value in sorted(self._read().items()):
            family.add_metric([kind], value)
        yield family
