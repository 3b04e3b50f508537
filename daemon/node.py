"""The whole machine on one page: what is opened, what runs, in which nursery, how it closes.

Opened in this order and closed in the reverse: the signals, the store, the network; then the
services run (agreement, sync, the neuron's duties), and in front of them the HTTP door. When a
signal comes, the door takes no more requests at once and gives those under way their grace; then
the services go; the store closes after everything that writes to it.
"""

import gc
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import trio

from config.errors import ConfigError
from config.sections.neuron import Role
from config.settings import Settings
from consensus import parcels
from consensus.ledger import genesis as ledger_genesis
from consensus.ledger.genesis import Genesis
from consensus.quantities import Amount
from daemon.engine.answers import make_answers
from daemon.engine.bootstrap import Keys, check_voters, get_timing, load_keys, open_chain
from daemon.engine.driver import Driver
from daemon.engine.faucet import Spring
from daemon.engine.inbox import Inbox
from daemon.engine.pool import PoolDoor, Submitter
from daemon.engine.syncing import Syncing
from daemon.engine.upgrades import check_protocol
from daemon.hosting.neuron import NOT_YET, Neuron, check_neuron, run_neuron
from daemon.hosting.port import ChainPort
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.server import serve_http
from daemon.notify import notify, watchdog_interval_s
from daemon.report import report_blocks, report_peers, report_start
from daemon.telemetry import Telemetry, get_logger, set_level
from daemon.version import read_version
from daemon.views.face import Face, NodeInfo
from p2p.answers import Answer
from p2p.network import Network, NetworkSettings, open_network
from storage.store import Store, open_store

PEERS_ROW = b"known"
"""Where the address book of the network room lies in the store."""
SAVE_PEERS_S = 60.0
DROP_S = 0.01
"""How long, at the very end, signals on their way to us are waited for."""


async def run_node(
    settings: Settings, genesis: Genesis, password: str, reload: Callable[[], Settings]
) -> None:
    """Run one node until SIGTERM or SIGINT; `reload` reads the settings anew at SIGHUP.

    Raises:
        NeurondError: something of the operator's is wrong (keys, folder, port, network).
    """
    keys = await trio.to_thread.run_sync(load_keys, settings, password)
    chain_id = ledger_genesis.compute_chain_id(genesis)
    telemetry = Telemetry()
    telemetry.build.labels(read_version(), genesis.network).set(1)
    async with AsyncExitStack() as stack:
        signals = await stack.enter_async_context(_catch_signals())
        store = await stack.enter_async_context(open_store(settings.node.data_dir, chain_id))
        chain = await open_chain(store, genesis)
        check_protocol(chain.head.state)
        if settings.neuron.role != "none":
            check_neuron(settings.neuron, chain, is_voter=settings.agreement.validate)
        check_voters(settings.agreement, keys.voters, chain.head.state)
        driver = Driver(get_timing(genesis.params), keys.voters, chain, store, telemetry)
        pool, post = PoolDoor(chain), _Post()
        inbox = Inbox(driver, chain, pool, telemetry)
        answers = {**make_answers(store, driver), **post.answers(settings.neuron.role)}
        network = await stack.enter_async_context(
            open_network(
                await _network_settings(settings, store),
                bytes(keys.node),
                chain_id,
                inbox.judge,
                answers,
            )
        )
        submitter = Submitter(pool, chain, network)
        neuron = None
        if keys.hotkey is not None:
            port = ChainPort(chain, network, submitter, store, keys.hotkey)
            neuron = post.neuron = Neuron(settings.neuron, port, chain, telemetry, keys.node)
        syncing, info = Syncing(chain, driver, telemetry), _describe(settings, genesis, keys)
        view = Face(info, chain, store, driver, syncing, network, submitter, neuron)
        report_blocks(chain, network, view, neuron, telemetry)
        report_start(view, settings.neuron)
        door = _Door(settings, view, telemetry, reload)
        async with trio.open_nursery() as services:
            services.start_soon(driver.run, network)
            services.start_soon(syncing.run, network)
            services.start_soon(report_peers, network, view, chain)
            services.start_soon(_save_peers, network, store)
            services.start_soon(_feed_watchdog)
            if neuron is not None:
                cache = str(settings.node.data_dir / "models")
                services.start_soon(run_neuron, neuron, store.standings, cache)
            await door.run_until_stopped(signals)
            get_logger("node").info("node stops")
            services.cancel_scope.cancel()


# -- opening --------------------------------------------------------------------------------------


async def _network_settings(settings: Settings, store: Store) -> NetworkSettings:
    known = await store.peers.load()
    return NetworkSettings(
        listen=settings.p2p.listen,
        bootstrap=settings.p2p.bootstrap,
        mdns=settings.p2p.mdns,
        max_peers=settings.p2p.max_peers,
        known_peers=known.get(PEERS_ROW, b""),
        agent=f"neurond/{read_version()}",
    )


def _describe(settings: Settings, genesis: Genesis, keys: Keys) -> NodeInfo:
    return NodeInfo(
        name=settings.node.name,
        version=read_version(),
        network=genesis.network,
        chain_id=ledger_genesis.compute_chain_id(genesis),
        block_ms=genesis.params.block_ms,
        spring=_open_spring(settings, keys),
    )


def _open_spring(settings: Settings, keys: Keys) -> Spring | None:
    if keys.faucet is None:
        return None
    return Spring(keys.faucet, Amount(settings.faucet.amount), settings.faucet.interval_s)


class _Post:
    """Where queries from the network go: to the miner, which is made once the network is open."""

    def __init__(self) -> None:
        self.neuron: Neuron | None = None

    def answers(self, role: Role) -> Mapping[str, Answer]:
        """Return the questions a neuron of that role answers: a miner's, or none."""
        return {parcels.QUERY_ASK: self.answer} if role == "miner" else {}

    async def answer(self, peer: bytes, payload: bytes) -> bytes:
        """Answer a query."""
        if self.neuron is None:
            return NOT_YET
        return await self.neuron.answer(peer, payload)


# -- running --------------------------------------------------------------------------------------


async def _save_peers(network: Network, store: Store) -> None:
    """Keep the address book on disk, now and then and at the end."""
    try:
        while True:
            await trio.sleep(SAVE_PEERS_S)
            await store.peers.save({PEERS_ROW: network.dump_peers()})
    except trio.Cancelled:
        with trio.CancelScope(shield=True):  # one small write
            await store.peers.save({PEERS_ROW: network.dump_peers()})
        raise


class _Door:
    """The HTTP door and the signals: what the operator has of the running node."""

    def __init__(
        self,
        settings: Settings,
        view: Face,
        telemetry: Telemetry,
        reload: Callable[[], Settings],
    ) -> None:
        self._settings = settings
        self._view = view
        self._reload = reload
        self._stop = trio.Event()
        self._log = get_logger("node")
        self._keys = ApiKeys(settings.api.keys_file)
        is_measured = settings.metrics.enabled
        self._app = build_app(view, telemetry, settings.api, self._keys, metrics=is_measured)

    async def run_until_stopped(self, signals: AsyncIterator[int]) -> None:
        """Serve HTTP until SIGTERM or SIGINT, then let running requests finish in their grace.

        A second signal ends the grace.

        Raises:
            DoorError: the address can't be listened on.
        """
        grace_s = self._settings.node.shutdown_grace_s
        async with trio.open_nursery() as impatience:
            async with trio.open_nursery() as requests:
                if self._settings.api.enabled:
                    serve = partial(serve_http, self._app, self._settings.api, self._stop, grace_s)
                    addresses: tuple[str, ...] = await requests.start(serve)
                    self._log.info("HTTP door open", addresses=list(addresses))
                gc.collect()
                gc.freeze()  # what is loaded stays: no collection need ever walk it again
                notify("READY=1")
                await self._obey(signals)
                notify("STOPPING=1")
                self._view.events.close()
                self._stop.set()
                requests.cancel_scope.deadline = trio.current_time() + grace_s + 1
                impatience.start_soon(self._cut_at_next, signals, requests.cancel_scope)
            impatience.cancel_scope.cancel()

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number != signal.SIGHUP:
                self._log.info("signal", name=signal.Signals(number).name)
                return
            try:
                set_level(self._reload().node.log_level)
                self._keys.reload()
                self._log.info("settings read anew: log level and API keys")
            except ConfigError as error:
                self._log.error("settings unchanged", problems=[str(p) for p in error.problems])

    async def _cut_at_next(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        async for number in signals:
            if number != signal.SIGHUP:
                self._log.info("signal again: requests are cut", name=signal.Signals(number).name)
                scope.cancel()
                return


@asynccontextmanager
async def _catch_signals() -> AsyncGenerator[AsyncIterator[int]]:
    """Catch the operator's signals while the block runs; what nobody took by its end is dropped.

    Otherwise trio would raise it anew at the end, and an orderly shutdown would look like a crash.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        yield signals
        with trio.move_on_after(DROP_S):
            async for _ in signals:
                pass


async def _feed_watchdog() -> None:
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify("WATCHDOG=1")
        await trio.sleep(interval_s)
