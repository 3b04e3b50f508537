from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import trio

from config.address import format_address
from config.sections.api import ApiSettings
from consensus.quantities import Height
from daemon.http.app import build_app
from daemon.http.keys import ApiKeys
from daemon.http.server import serve_http
from daemon.telemetry import Telemetry
from daemon.views.accounts import AccountAnswer, StakeRow
from daemon.views.blocks import BlockAnswer, TransactionRow
from daemon.views.neurons import MetagraphAnswer
from daemon.views.view import Answer, StateQuestion
from scripts.tools.devnet.plan import NodePlan, Options, plan_nodes, public_key
from scripts.tools.devnet.watch import Watch
from tests.daemon.http.fixed_view import FixedView

OPTIONS = Options(nodes=2, validators=1, miners=1)
NODES = plan_nodes(OPTIONS, (1, 2, 3, 4))


def hotkey(node: int) -> str:
    return format_address(public_key(OPTIONS, NODES[node], "hotkey"))


def coldkey(node: int) -> str:
    return format_address(public_key(OPTIONS, NODES[node], "coldkey"))


@dataclass(slots=True)
class PaidView(FixedView):
    """The fixed view with our neurons in it, a revealed row in block 1, and pay for the miner."""

    code: int = 0

    async def ask(self, question: StateQuestion[Answer], height: Height | None) -> Answer:
        answer = await FixedView.ask(self, question, height)
        if isinstance(answer, MetagraphAnswer):
            rows = [replace(answer.neurons[0], uid=i, hotkey=hotkey(i)) for i in range(2)]
            return replace(answer, neurons=tuple(rows), epoch=1)
        if isinstance(answer, AccountAnswer) and answer.address == coldkey(1):
            stakes = (StakeRow(0, hotkey(1), 5), StakeRow(1, hotkey(1), 77))
            return replace(answer, stakes=stakes)
        return answer

    def block(self, height: Height) -> BlockAnswer:
        block = FixedView.block(self, height)
        if height != 1:
            return block
        fields = {"netuid": 1, "epoch": 0, "uids": [0, 1], "values": [0, 65_535]}
        sent = TransactionRow(
            "aa", hotkey(0), 0, "reveal_weights", fields, tip=0, fee=0, code=self.code
        )
        return replace(block, transactions=(sent,))


@asynccontextmanager
async def watching(*views: FixedView) -> AsyncGenerator[Watch]:
    """Serve `views` as the first nodes of a devnet; the others don't answer."""
    stop = trio.Event()
    settings = ApiSettings(listen="127.0.0.1:0")
    nodes: list[NodePlan] = []
    async with trio.open_nursery() as nursery:
        for plan, view in zip(NODES, views, strict=False):
            app = build_app(view, Telemetry(), settings, ApiKeys(None), metrics=True)
            (address,) = await nursery.start(partial(serve_http, app, settings, stop, 0.1))
            nodes.append(replace(plan, api_port=int(address.rpartition(":")[2])))
        async with Watch(OPTIONS, (*nodes, *NODES[len(views) :])) as watch:
            yield watch
        for view in views:
            view.events.close()
        stop.set()


async def test_one_look_sees_heights_digests_revealed_weights_and_pay() -> None:
    async with watching(PaidView(), PaidView()) as watch:
        seen = await watch.look()
    assert [node.status.height for node in seen.nodes if node.status] == [3, 3]
    assert watch.history.digests == {height: {0: "cd" * 32, 1: "cd" * 32} for height in (1, 2, 3)}
    assert watch.history.conflicts() == []
    assert watch.history.read_to == 2
    row = watch.history.rows[0, hotkey(0)]
    assert (row.share(0), row.share(1)) == (0.0, 1.0)
    validator, miner = seen.neurons
    assert (validator.earned, miner.earned) == (0, 77)
    assert miner.weight == 1.0
    assert watch.history.first_reward_s is not None


async def test_a_reveal_that_was_refused_does_not_count() -> None:
    async with watching(PaidView(code=17), PaidView()) as watch:
        await watch.look()
    assert watch.history.rows == {}


async def test_a_node_that_does_not_answer_is_down_and_hides_no_other() -> None:
    async with watching(PaidView()) as watch:
        seen = await watch.look()
    assert [node.status is None for node in seen.nodes] == [False, True]
    assert seen.height == 3


async def test_nobody_answering_is_seen_as_such() -> None:
    async with watching() as watch:
        seen = await watch.look()
    assert (seen.height, [node.status for node in seen.nodes]) == (0, [None, None])
    assert [neuron.earned for neuron in seen.neurons] == [None, None]
