"""The neuron this node hosts: a miner with its worker process, a validator, or none.

It knows no task and no backend by name: the subnet says which task, the settings which backend.

`Neuron` is what the rest of the daemon sees of it. Its tasks run in a supervisor of their own: a
failure inside (a damaged corpus, a bug in a task) is logged, counted and started again with a
growing pause, and neither agreement nor the ledger notices. A failing disk ends the node.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import trio
from nacl.signing import SigningKey

from config.address import format_address
from config.errors import Misfit
from config.sections.neuron import NeuronSettings
from consensus import crypto
from consensus.calls.neurons import Serve
from consensus.errors import NeurondError
from consensus.ledger.subnet.records import (
    Served,
    Subnet,
    find_served,
    find_subnet,
    find_uid,
    get_subnet,
)
from consensus.quantities import U32, Amount, NetUid, PublicKey, ShortText
from daemon.engine.chain import Chain
from daemon.hosting.port import ChainPort
from daemon.hosting.status import NeuronStatus
from daemon.telemetry import Telemetry, get_logger
from neurons.backends.known import BUILTIN, compute_model_hash, find_backend
from neurons.catalog import open_task
from neurons.errors import InvalidBackend, InvalidOptions
from neurons.golden import compute_scorer_hash
from neurons.messages import Busy, encode_reply
from neurons.mining.miner import Miner, MinerSettings
from neurons.task import Task
from neurons.validating.rounds import RoundSettings, Validator
from neurons.worker.frames import WorkerSpec
from neurons.worker.process import Phase, RuntimeSettings
from neurons.worker.runtime import Runtime, open_runtime
from storage.errors import StorageError
from storage.standings import Standings

QUERY_PROTOCOL = ShortText("/neurond/ask/1/query")
SERVE_CHECK_BLOCKS = 3
"""How often a miner looks whether the chain has its announcement."""
PAUSE_S, PAUSE_S_MAX = 1.0, 60.0
HEALTHY_S = 60.0
"""A neuron that ran this long has its pause forgotten."""
NOT_YET = encode_reply(Busy(U32(1_000)))
"""The reply to a query while no miner is up."""
WEIGHTS_AGE_MAX = 2
"""Closed epochs without weights of ours at which a validator is not ready."""


class NeuronConfigError(Misfit):
    """The neuron's settings and the network do not fit together."""


@dataclass(slots=True)
class Neuron:
    """A hosted neuron; what its role needs is there from `begin_...` to `end`, and not between."""

    settings: NeuronSettings
    port: ChainPort
    chain: Chain
    telemetry: Telemetry
    node_key: SigningKey
    runtime: Runtime | None = None
    miner: Miner | None = None
    validator: Validator | None = None
    failures: int = 0
    last_failure: str = ""
    _restarts_counted: int = field(default=0)

    @property
    def netuid(self) -> NetUid:
        """The subnet it works in."""
        return NetUid(self.settings.netuid)

    def status(self) -> NeuronStatus:
        """Return what health and dashboards show of it."""
        state = self.chain.head.state
        uid = find_uid(state, self.netuid, self.port.hotkey)
        worker = None if self.runtime is None else self.runtime.state
        age = self.weights_age()
        return NeuronStatus(
            role=self.settings.role,
            netuid=self.settings.netuid,
            hotkey=format_address(self.port.hotkey),
            uid=uid,
            state=self._phase().value if worker is None else worker.phase.value,
            device="" if worker is None or worker.card is None else worker.card.device,
            model="" if worker is None or worker.card is None else worker.card.name,
            queue=0 if worker is None else worker.queued,
            worker_restarts=0 if worker is None else worker.restarts,
            weights_age_epochs=age,
            reason=self._get_reason(),
        )

    def _get_reason(self) -> str:
        """Return why a neuron is not at work, or why a validator sets no weights; empty if none."""
        if self.validator is not None:
            return self.validator.status.reason
        if self.runtime is not None:
            return "" if self.runtime.is_ready else self.runtime.state.last_error
        return self.last_failure

    def begin_mining(self, runtime: Runtime, miner: Miner) -> None:
        """Answer queries from now on."""
        self.runtime, self.miner = runtime, miner

    def begin_validating(self, validator: Validator) -> None:
        """Show the standing of `validator` from now on."""
        self.validator = validator

    def end(self) -> None:
        """Refuse queries: what answered them is gone."""
        self.runtime = self.miner = self.validator = None
        self._restarts_counted = 0

    def _phase(self) -> Phase:
        """Return where a neuron without a worker stands."""
        if self.validator is not None:
            return Phase.READY
        return Phase.RESTARTING if self.failures else Phase.STARTING

    def weights_age(self) -> int | None:
        """Return for how many closed epochs a validator has set no weights; None for a miner."""
        return None if self.validator is None else self.validator.status.weights_age_epochs

    def publish_figures(self) -> None:
        """Bring the metrics up to date; called at every block."""
        age = self.weights_age()
        if age is not None:
            self.telemetry.weights_age_epochs.labels(str(self.netuid)).set(age)
        if self.runtime is not None:
            state = self.runtime.state
            self.telemetry.set_neuron_state(state.phase.value)
            self.telemetry.worker_restarts.inc(state.restarts - self._restarts_counted)
            self._restarts_counted = state.restarts

    def counts(self) -> dict[str, int]:
        """Return what the neuron did since it started; read at every scrape."""
        if self.miner is not None:
            done = self.miner.counts
            return {
                "asked": done.asked,
                "answered": done.answered,
                "busy": done.busy,
                "refused": done.refused,
            }
        return {} if self.validator is None else {"rounds": self.validator.status.rounds}

    async def answer(self, peer: bytes, payload: bytes) -> bytes:
        """Answer a query that came over the network: `Busy` while no miner is up."""
        if self.miner is None:
            return NOT_YET
        began = trio.current_time()
        reply = await self.miner.answer(peer, payload)
        self.telemetry.query_s.labels("answered").observe(trio.current_time() - began)
        return reply

    # -- announcing a miner ------------------------------------------------------------------------

    async def announce(self) -> None:
        """Keep the chain's record of where this miner answers right, for ever."""
        while True:
            call = self._due_announcement()
            if call is not None:
                await self.port.submit(call)
            height = self.chain.head.header.height
            await self.chain.wait_height(height + SERVE_CHECK_BLOCKS)

    def _due_announcement(self) -> Serve | None:
        """Return the Serve call that is due; None if the chain knows all, or can't take it yet."""
        state = self.chain.head.state
        uid = find_uid(state, self.netuid, self.port.hotkey)
        if uid is None or self.runtime is None or not self.runtime.is_ready:
            return None
        call = self._announcement()
        served = find_served(state, self.netuid, uid)
        if served is not None and _is_same(served, call):
            return None
        limit = get_subnet(state, self.netuid).hyper.serving_rate_limit
        if served is not None and self.chain.head.header.height + 1 < served.height + limit:
            return None
        return call

    def _announcement(self) -> Serve:
        chain_id = self.port.chain().chain_id
        message = crypto.serve_message(chain_id, self.netuid, self.port.hotkey)
        return Serve(
            netuid=self.netuid,
            node_key=PublicKey(bytes(self.node_key.verify_key)),
            node_signature=crypto.sign(self.node_key, message),
            protocols=(QUERY_PROTOCOL,),
            price=Amount(0),
            capacity=U32(self.settings.queue_max),
            model_hash=compute_model_hash(self.settings.backend, self.settings.options),
        )


def _is_same(served: Served, call: Serve) -> bool:
    return (
        served.node_key == call.node_key
        and served.protocols == call.protocols
        and served.price == call.price
        and served.capacity == call.capacity
        and served.model_hash == call.model_hash
    )


def build_runtime_settings(
    settings: NeuronSettings, subnet: Subnet, task: Task, cache_dir: str
) -> RuntimeSettings:
    """Return how the worker process is run.

    Raises:
        InvalidOptions: the task's reference miner can't take the operator's options.
    """
    options: Mapping[str, object] = settings.options
    if settings.backend == BUILTIN:
        options = task.read_options(options)
    spec = WorkerSpec(
        backend=settings.backend,
        task=task.name,
        answer_bytes_max=task.answer_bytes_max,
        task_params=subnet.task_params,
        device=settings.device,
        threads=settings.threads,
        cache_dir=cache_dir,
        options=options,
    )
    return RuntimeSettings(
        worker=spec,
        start_s=settings.start_timeout_s,
        batch_s=settings.batch_deadline_s,
        memory_mb_max=settings.memory_max_mb,
        batch_wait_ms=settings.batch_wait_ms,
        batch_max=settings.batch_max,
        queue_max=settings.queue_max,
    )


def check_neuron(settings: NeuronSettings, chain: Chain, *, is_voter: bool = False) -> None:
    """Check at start that we know the backend, the subnet and its task, and the options fit.

    A subnet's owner may change or end it at any time: that must not keep a node that votes on
    blocks from starting. There the neuron fails by itself, and readiness says why. So it does when
    a backend can't be imported or built: only the worker finds out.

    Raises:
        NeuronConfigError: there is no such backend, no such option, or no work of ours.
    """
    try:
        find_backend(settings.backend)
    except InvalidBackend as error:
        raise NeuronConfigError(
            f"This node has no model: {error}.", "Change neuron.backend in the settings."
        ) from error
    state = chain.head.state
    try:
        subnet = get_subnet(state, NetUid(settings.netuid))
        task = open_task(subnet.task, subnet.task_params)
    except (NeurondError, LookupError) as error:
        if is_voter and chain.head.header.height:
            get_logger("neuron").error(
                "no work in the subnet", netuid=settings.netuid, why=str(error)
            )
            return
        raise NeuronConfigError(
            f"This node can't work in subnet {settings.netuid}: {error}.",
            "Set neuron.netuid to a subnet of this network whose task is known here.",
        ) from error
    if settings.role == "miner":
        try:
            build_runtime_settings(settings, subnet, task, "")
        except InvalidOptions as error:
            raise NeuronConfigError(
                f"The model of the task {task.name} can't be built: {error}.",
                f"Change neuron.options.{error.option} in the settings.",
            ) from error


async def run_neuron(neuron: Neuron, standings: Standings, cache_dir: str) -> None:
    """Run the neuron's life again and again, until cancelled.

    Raises:
        StorageError: the disk failed.
    """
    log = get_logger("neuron")
    pause_s = PAUSE_S
    while True:
        began_s = trio.current_time()
        try:
            if neuron.settings.role == "miner":
                await _run_miner(neuron, cache_dir)
            else:
                await _run_validator(neuron, standings)
        except* StorageError:
            raise
        except* Exception as group:
            # The neuron's one supervisor: a bug in a task or model ends neither votes nor blocks.
            if trio.current_time() - began_s >= HEALTHY_S:
                pause_s = PAUSE_S
            neuron.failures += 1
            neuron.last_failure = _describe(group)
            log.exception("neuron failed", reason=neuron.last_failure, pause_s=pause_s)
        await trio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)


def _describe(error: BaseException) -> str:
    """Return the kind and message of the first failure inside the groups of nurseries."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f"{type(error).__name__}: {error}"


async def _run_miner(neuron: Neuron, cache_dir: str) -> None:
    log = get_logger("neuron")
    subnet = get_subnet(neuron.chain.head.state, neuron.netuid)
    task = open_task(subnet.task, subnet.task_params)
    settings = build_runtime_settings(neuron.settings, subnet, task, cache_dir)
    async with open_runtime(settings, log.info) as runtime:
        intake = MinerSettings(neuron.netuid, intake_max=neuron.settings.queue_max)
        neuron.begin_mining(runtime, Miner(neuron.port, runtime, task, intake, log.info))
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_tell_ready, runtime)
                nursery.start_soon(neuron.announce)
                await _wait_other_task(neuron, subnet)
                nursery.cancel_scope.cancel()
        finally:
            neuron.end()


async def _wait_other_task(neuron: Neuron, subnet: Subnet) -> None:
    """Return once the chain gives the subnet another task than that of `subnet`, or ends it."""
    height = neuron.chain.head.header.height
    while True:
        height += 1
        await neuron.chain.wait_height(height)
        now = find_subnet(neuron.chain.head.state, neuron.netuid)
        if now is None or (now.task, now.task_params) != (subnet.task, subnet.task_params):
            task = None if now is None else now.task
            get_logger("neuron").warning("task changed", netuid=neuron.netuid, task=task)
            return


async def _tell_ready(runtime: Runtime) -> None:
    """Log once that the model answers, and how good it found itself."""
    await runtime.wait_ready()
    card = runtime.state.card
    if card is not None:
        get_logger("neuron").info(
            "model ready",
            model=card.name,
            device=card.device,
            parameters=card.parameters,
            cached=card.cached,
            qualities=dict(card.qualities),
        )


async def _run_validator(neuron: Neuron, standings: Standings) -> None:
    chosen = neuron.settings.validator
    subnet = get_subnet(neuron.chain.head.state, neuron.netuid)
    scorer = await trio.to_thread.run_sync(compute_scorer_hash, open_task(subnet.task))
    settings = RoundSettings(
        netuid=neuron.netuid,
        deadline_s=chosen.deadline_ms / 1000,
        round_s=chosen.round_interval_ms / 1000,
        miners_max=chosen.miners_per_round,
        scorer=scorer,
    )
    task = open_task(subnet.task, subnet.task_params)
    log = get_logger("neuron").info
    memory = await standings.open(neuron.netuid)
    validator = Validator(neuron.port, memory, task, settings, log)
    neuron.begin_validating(validator)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(validator.run)
            await _wait_other_task(neuron, subnet)
            nursery.cancel_scope.cancel()
    finally:
        neuron.end()
