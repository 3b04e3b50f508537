"""The hosted neuron: announced when due, restarted when it fails, never more than it can show."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.testing

from config.sections.neuron import NeuronSettings
from consensus.calls.neurons import Serve
from consensus.ledger.subnet.records import Subnet, find_served, find_subnet
from consensus.quantities import NetUid, TaskParams, Uid
from daemon.hosting import neuron as neuron_file
from daemon.hosting.neuron import Neuron, NeuronConfigError, check_neuron, run_neuron
from daemon.hosting.port import ChainPort
from neurons.messages import Busy, decode_reply
from neurons.mining.miner import Miner
from neurons.worker.process import Phase
from neurons.worker.runtime import Runtime, RuntimeState
from storage.errors import StorageFailed
from storage.standings import Standings
from tests import builders
from tests.daemon import world

MINER = NeuronSettings(role="miner")
VALIDATOR = NeuronSettings(role="validator")


@dataclass
class FixedRuntime:
    """A runtime whose worker is what the test says."""

    is_ready: bool = True
    restarts: int = 0
    last_error: str = ""

    @property
    def state(self) -> RuntimeState:
        phase = Phase.READY if self.is_ready else Phase.TRAINING
        return RuntimeState(phase, "", 0.0, self.restarts, self.last_error, 1, 0, None, 0)


@asynccontextmanager
async def _open(
    folder: Path, settings: NeuronSettings, hotkey: str
) -> AsyncGenerator[tuple[world.Node, Neuron]]:
    async with world.open_parts(world.make_world(), folder) as node:
        key = builders.signer_of(hotkey)
        port = ChainPort(node.chain, node.network, node.submitter, node.store, key)
        node_key = builders.signer_of("node")
        yield node, Neuron(settings, port, node.chain, node.telemetry, node_key)


def _mine(neuron: Neuron, runtime: FixedRuntime) -> None:
    neuron.begin_mining(cast("Runtime", runtime), cast("Miner", None))


async def _include(node: world.Node, blocks: int = 1) -> None:
    for _ in range(blocks):
        await world.add_block(node.driver.machine.committee, node.chain)


# -- announcing ------------------------------------------------------------------------------------


async def test_a_miner_is_announced_once_and_again_only_when_it_changed(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (node, neuron):
        _mine(neuron, FixedRuntime())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(neuron.announce)
            await world.wait_until(lambda: len(node.chain.mempool) == 1)
            await _include(node)
            served = find_served(node.chain.head.state, NetUid(1), Uid(2))
            assert served is not None
            assert served.node_key == builders.key_of("node")
            for _ in range(8):
                await _include(node)
                await trio.testing.wait_all_tasks_blocked()
                assert len(node.chain.mempool) == 0
            neuron.settings = replace(MINER, queue_max=64)
            await _include(node, 3)
            await world.wait_until(lambda: len(node.chain.mempool) == 1)
            nursery.cancel_scope.cancel()


async def test_a_change_is_announced_only_when_the_chain_will_take_it(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (node, neuron):
        _mine(neuron, FixedRuntime())
        await neuron.port.submit(_due(neuron))
        await _include(node)
        neuron.settings = replace(MINER, queue_max=64)
        limit = builders.make_hyper().serving_rate_limit
        for _ in range(limit - 1):
            assert neuron._due_announcement() is None  # pyright: ignore[reportPrivateUsage]
            await _include(node)
        assert _due(neuron).capacity == 64


async def test_a_miner_whose_worker_is_not_ready_is_not_announced(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (_, neuron):
        _mine(neuron, FixedRuntime(is_ready=False))
        assert neuron._due_announcement() is None  # pyright: ignore[reportPrivateUsage]


async def test_an_unregistered_hotkey_is_not_announced(tmp_path: Path):
    async with _open(tmp_path, MINER, "nobody") as (_, neuron):
        _mine(neuron, FixedRuntime())
        assert neuron._due_announcement() is None  # pyright: ignore[reportPrivateUsage]


def _due(neuron: Neuron) -> Serve:
    call = neuron._due_announcement()  # pyright: ignore[reportPrivateUsage]
    assert call is not None
    return call


# -- the task --------------------------------------------------------------------------------------


async def test_a_neuron_works_until_its_subnet_has_another_task(tmp_path: Path):
    async with _open(tmp_path, VALIDATOR, "hot0") as (node, neuron):
        subnet = find_subnet(node.chain.head.state, NetUid(1))
        assert subnet is not None
        before = replace(subnet, task_params=TaskParams(b"\x81\x07"))
        ended: list[str] = []

        async def wait(name: str, known: Subnet) -> None:
            await neuron_file._wait_other_task(neuron, known)  # pyright: ignore[reportPrivateUsage]
            ended.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "same", subnet)
            nursery.start_soon(wait, "other", before)
            await trio.testing.wait_all_tasks_blocked()
            assert ended == []
            await _include(node)
            await world.wait_until(lambda: ended == ["other"])
            nursery.cancel_scope.cancel()


# -- the supervisor --------------------------------------------------------------------------------


async def test_a_failing_neuron_is_started_again_with_growing_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    starts: list[float] = []

    async def fail(_neuron: Neuron, _standings: Standings) -> None:
        starts.append(trio.current_time())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_raise, ValueError("the corpus is damaged"))

    monkeypatch.setattr(neuron_file, "_run_validator", fail)
    monkeypatch.setattr(neuron_file, "PAUSE_S", 0.02)
    async with _open(tmp_path, VALIDATOR, "hot0") as (node, neuron):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_neuron, neuron, node.store.standings, "")
            await world.wait_until(lambda: len(starts) == 4)
            nursery.cancel_scope.cancel()
        pauses = [late - soon for soon, late in pairwise(starts)]
        assert all(pause >= least for pause, least in zip(pauses, (0.02, 0.04, 0.08), strict=True))
        assert neuron.failures >= 3
        assert neuron.last_failure == "ValueError: the corpus is damaged"
        assert neuron.status().state == "restarting"


async def test_after_a_healthy_run_the_pause_is_short_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    starts: list[float] = []

    async def fail(_neuron: Neuron, _standings: Standings) -> None:
        starts.append(trio.current_time())
        raise ValueError

    monkeypatch.setattr(neuron_file, "_run_validator", fail)
    monkeypatch.setattr(neuron_file, "PAUSE_S", 0.01)
    monkeypatch.setattr(neuron_file, "HEALTHY_S", 0.0)
    async with (
        _open(tmp_path, VALIDATOR, "hot0") as (node, neuron),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(run_neuron, neuron, node.store.standings, "")
        await world.wait_until(lambda: len(starts) == 12, limit_s=15)  # doubling: 20 s
        nursery.cancel_scope.cancel()


async def test_a_failing_disk_ends_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async def fail(_neuron: Neuron, _standings: Standings) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_raise, StorageFailed(tmp_path, "read-only", "Mount it anew."))

    monkeypatch.setattr(neuron_file, "_run_validator", fail)
    async with _open(tmp_path, VALIDATOR, "hot0") as (node, neuron):
        with trio.fail_after(5):
            try:
                await run_neuron(neuron, node.store.standings, "")
            except* StorageFailed:
                assert neuron.failures == 0
            else:
                pytest.fail("it went on")


async def _raise(error: Exception) -> None:
    raise error


async def test_a_new_worker_after_a_failure_does_not_break_the_figures(tmp_path: Path):
    """The count of restarts begins anew with each runtime, and a counter can't go back."""
    async with _open(tmp_path, MINER, "hot2") as (_, neuron):
        _mine(neuron, FixedRuntime(restarts=5))
        neuron.publish_figures()
        neuron.end()
        neuron.publish_figures()
        _mine(neuron, FixedRuntime(restarts=1))
        neuron.publish_figures()
        assert "neurond_worker_restarts_total 6.0" in neuron.telemetry.render().decode()


async def test_a_neuron_that_is_not_up_says_so_and_refuses_for_now(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (_, neuron):
        assert neuron.status().state == "starting"
        assert isinstance(decode_reply(await neuron.answer(b"peer", b"query")), Busy)
        _mine(neuron, FixedRuntime())
        assert neuron.status().state == "ready"
        neuron.failures = 1
        neuron.end()
        assert neuron.status().state == "restarting"
        assert isinstance(decode_reply(await neuron.answer(b"peer", b"query")), Busy)


# -- settings --------------------------------------------------------------------------------------


async def test_a_subnet_that_does_not_exist_is_named_with_a_remedy(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (node, _):
        with pytest.raises(NeuronConfigError, match="subnet 7") as caught:
            check_neuron(replace(MINER, netuid=7), node.chain)
        assert "neuron.netuid" in caught.value.remedy


async def test_a_voter_starts_though_its_subnet_has_no_work_any_more(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (node, _):
        elsewhere = replace(MINER, netuid=7)
        with pytest.raises(NeuronConfigError):
            check_neuron(elsewhere, node.chain, is_voter=True)  # at genesis it is the operator's
        await _include(node)
        check_neuron(elsewhere, node.chain, is_voter=True)
        with pytest.raises(NeuronConfigError):
            check_neuron(elsewhere, node.chain)


async def test_an_option_no_model_can_have_is_named_with_a_remedy(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (node, _):
        wrong = replace(MINER, options={"width": 30, "heads": 4})
        with pytest.raises(NeuronConfigError, match="30") as caught:
            check_neuron(wrong, node.chain)
        assert "neuron.options.width" in caught.value.remedy
        check_neuron(replace(wrong, role="validator"), node.chain)


async def test_a_backend_nobody_knows_is_named_with_a_remedy(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (node, _):
        unknown = replace(MINER, backend="unheard-of")
        with pytest.raises(NeuronConfigError, match="unheard-of") as caught:
            check_neuron(unknown, node.chain)
        assert "neuron.backend" in caught.value.remedy


async def test_why_a_miner_has_no_model_is_told(tmp_path: Path):
    async with _open(tmp_path, MINER, "hot2") as (_, neuron):
        _mine(neuron, FixedRuntime(is_ready=False, last_error="No module named 'x'"))
        assert neuron.status().reason == "No module named 'x'"
        _mine(neuron, FixedRuntime(last_error="before"))
        assert neuron.status().reason == ""
        neuron.last_failure = "ValueError: damaged"
        neuron.end()
        assert neuron.status().reason == "ValueError: damaged"
