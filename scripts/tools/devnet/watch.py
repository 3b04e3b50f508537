"""Look at a running devnet through the nodes' HTTP doors, and remember what the verdict needs.

`Watch.look` asks every node at once and returns one `Seen`. Beside it, a `History` grows: each
node's block digests by height, the revealed weight rows by epoch (read from the blocks themselves),
and when the first reward came. A node that does not answer in time is down in that `Seen`, no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
import trio
from prometheus_client.parser import text_string_to_metric_families
from pydantic import TypeAdapter, ValidationError

from config.address import format_address
from daemon.views.accounts import AccountAnswer
from daemon.views.blocks import BlockAnswer, BlocksAnswer
from daemon.views.neurons import MetagraphAnswer
from daemon.views.node import StatusAnswer
from scripts.tools.devnet.plan import ROOT_STAKE, NodePlan, Options, plan_alpha_stake, public_key

T = TypeVar("T")
ANSWER_S = 2.0
"""How long a node may take to answer; four nodes and their models share two cores."""
BLOCKS_PER_ASK = 100
REVEAL = "reveal_weights"

_STATUS = TypeAdapter(StatusAnswer)
_METAGRAPH = TypeAdapter(MetagraphAnswer)
_ACCOUNT = TypeAdapter(AccountAnswer)
_BLOCKS = TypeAdapter(BlocksAnswer)
_BLOCK = TypeAdapter(BlockAnswer)


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """One node at one look; `status` is None while it does not answer."""

    plan: NodePlan
    status: StatusAnswer | None
    finality_ms: float | None = None
    """Median time from proposal to finality since its start, as the node itself measured it."""


@dataclass(frozen=True, slots=True)
class NeuronSeen:
    """One neuron of ours at one look."""

    plan: NodePlan
    hotkey: str
    uid: int | None
    incentive: float
    dividends: float
    weight: float | None
    """Mean share the validators gave it in their last revealed rows; None before the first."""
    weights_age: int | None
    """Epochs since a validator's weights last counted, by its own node."""
    earned: int | None
    """Alpha (in 10^-9) its coldkey holds on it, less what genesis gave."""
    root_earned: int | None = None
    """Root stake (rao) its coldkey holds, on whichever hotkey, less what genesis gave."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The devnet at one look."""

    nodes: tuple[NodeSeen, ...]
    neurons: tuple[NeuronSeen, ...]
    epoch: int
    height: int


@dataclass(frozen=True, slots=True)
class Row:
    """One validator's revealed weights for an epoch."""

    validator: str
    epoch: int
    weights: Mapping[int, int]

    def share(self, uid: int) -> float:
        """Return the part of the row given to `uid`."""
        total = sum(self.weights.values())
        return self.weights.get(uid, 0) / total if total else 0.0


@dataclass(slots=True)
class History:
    """What has been seen so far; only `Watch` writes it."""

    digests: dict[int, dict[int, str]] = field(default_factory=dict[int, dict[int, str]])
    """height -> node -> block digest."""
    rows: dict[tuple[int, str], Row] = field(default_factory=dict[tuple[int, str], Row])
    """(epoch, validator) -> the row it revealed, if its receipt says it took effect."""
    read_to: int = 0
    """Height up to which blocks were searched for reveals."""
    first_reward_s: float | None = None
    """When a miner first held alpha, in trio's clock."""

    def conflicts(self) -> list[int]:
        """Return the heights at which two nodes have different blocks."""
        return [height for height, by in sorted(self.digests.items()) if len(set(by.values())) > 1]

    def latest_row(self, validator: str) -> Row | None:
        """Return the last row `validator` revealed."""
        epochs = [epoch for epoch, who in self.rows if who == validator]
        return self.rows[max(epochs), validator] if epochs else None


class Watch:
    """Eyes on one devnet; use it within `async with`."""

    def __init__(self, options: Options, nodes: tuple[NodePlan, ...]) -> None:
        self.nodes = nodes
        self._subnets = options.subnets
        self.history = History()
        self._client = httpx.AsyncClient(timeout=ANSWER_S)
        self._hotkeys = {
            plan.index: format_address(public_key(options, plan, "hotkey")) for plan in nodes
        }
        self._coldkeys = {
            plan.index: format_address(public_key(options, plan, "coldkey")) for plan in nodes
        }

    async def __aenter__(self) -> "Watch":
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.move_on_after(1, shield=True):
            await self._client.aclose()

    async def look(self) -> Seen:
        """Ask every node and return what it said."""
        seen: dict[int, NodeSeen] = {}

        async def look_at(plan: NodePlan) -> None:
            seen[plan.index] = await self._look_at(plan)

        async with trio.open_nursery() as nursery:
            for plan in self.nodes:
                nursery.start_soon(look_at, plan)
        nodes = tuple(seen[plan.index] for plan in self.nodes)
        up = [node for node in nodes if node.status is not None]
        height = max((node.status.height for node in up if node.status), default=0)
        graphs: list[MetagraphAnswer] = []
        for node in up:
            graphs = await self._look_at_subnets(node.plan)
            if graphs:
                await self._read_reveals(node.plan)
                break
        neurons = await self._look_at_neurons(graphs, nodes, up[0].plan if up else None)
        return Seen(nodes, neurons, graphs[0].epoch if graphs else 0, height)

    async def _look_at_subnets(self, door: NodePlan) -> list[MetagraphAnswer]:
        """Return every subnet of the plan that `door` shows, by netuid."""
        graphs: list[MetagraphAnswer] = []
        for netuid in range(1, self._subnets + 1):
            graph = await self._get(_METAGRAPH, door, f"/chain/metagraph/{netuid}")
            if graph is not None:
                graphs.append(graph)
        return graphs

    async def _look_at(self, plan: NodePlan) -> NodeSeen:
        status = await self._get(_STATUS, plan, "/chain/status")
        if status is None:
            return NodeSeen(plan, None)
        await self._read_digests(plan, status.height)
        return NodeSeen(plan, status, await self._finality_ms(plan))

    async def _read_digests(self, plan: NodePlan, height: int) -> None:
        """Fetch the digests of the final blocks of `plan` that are not known yet."""
        known = self.history.digests
        low = next((h for h in range(height, 0, -1) if plan.index in known.get(h, {})), 0)
        while low < height:
            start = min(height, low + BLOCKS_PER_ASK)
            path = f"/chain/blocks?start={start}&count={start - low}"
            answer = await self._get(_BLOCKS, plan, path)
            if answer is None or not answer.blocks:
                return
            for block in answer.blocks:
                known.setdefault(block.height, {})[plan.index] = block.digest
            low = start

    async def _read_reveals(self, plan: NodePlan) -> None:
        """Search new blocks for revealed rows; the newest has no receipts yet and waits."""
        history = self.history
        top = max((h for h, by in history.digests.items() if plan.index in by), default=0)
        while history.read_to < top - 1:
            height = history.read_to + 1
            block = await self._get(_BLOCK, plan, f"/chain/blocks/{height}")
            if block is None:
                return
            for transaction in block.transactions:
                if transaction.call == REVEAL and transaction.code == 0:
                    row = _read_row(transaction.signer, transaction.fields)
                    history.rows[row.epoch, row.validator] = row
            history.read_to = height

    async def _look_at_neurons(
        self, graphs: list[MetagraphAnswer], nodes: tuple[NodeSeen, ...], door: NodePlan | None
    ) -> tuple[NeuronSeen, ...]:
        by_hotkey = {neuron.hotkey: neuron for graph in graphs for neuron in graph.neurons}
        validators = _list_validators(graphs)
        found: list[NeuronSeen] = []
        for node in nodes:
            plan = node.plan
            if plan.role == "none":
                continue
            own = node.status.neuron if node.status else None
            hotkey = self._hotkeys[plan.index]
            neuron = by_hotkey.get(hotkey)
            earned, root_earned = (None, None) if door is None else await self._earned(door, plan)
            if earned and plan.role == "miner" and self.history.first_reward_s is None:
                self.history.first_reward_s = trio.current_time()
            found.append(
                NeuronSeen(
                    plan,
                    hotkey,
                    neuron.uid if neuron else None,
                    neuron.incentive if neuron else 0.0,
                    neuron.dividends if neuron else 0.0,
                    self._mean_share(neuron.uid, validators[plan.netuid]) if neuron else None,
                    own.weights_age_epochs if own else None,
                    earned,
                    root_earned,
                )
            )
        return tuple(found)

    def _mean_share(self, uid: int, judges: set[str]) -> float | None:
        validators = {who for _, who in self.history.rows if who in judges}
        rows = [row for who in sorted(validators) if (row := self.history.latest_row(who))]
        return sum(row.share(uid) for row in rows) / len(rows) if rows else None

    async def _earned(self, door: NodePlan, plan: NodePlan) -> tuple[int | None, int | None]:
        """Return what a node's coldkey has gained: alpha on its neuron, TAO at root."""
        account = await self._get(_ACCOUNT, door, f"/chain/account/{self._coldkeys[plan.index]}")
        if account is None:
            return None, None
        hotkey = self._hotkeys[plan.index]
        rooted = sum(stake.amount for stake in account.stakes if stake.netuid == 0)
        held = sum(
            stake.amount
            for stake in account.stakes
            if stake.netuid == plan.netuid and stake.hotkey == hotkey
        )
        return held - plan_alpha_stake(plan), rooted - ROOT_STAKE

    async def _finality_ms(self, plan: NodePlan) -> float | None:
        text = await self.get_text(plan, "/metrics")
        return None if text is None else read_median_ms(text, "neurond_finality_seconds")

    async def get_text(self, plan: NodePlan, path: str) -> str | None:
        """Return the body at `path` of a node, or None while it does not answer with one."""
        try:
            answer = await self._client.get(plan.api + path)
        except httpx.HTTPError:
            return None
        return answer.text if answer.is_success else None

    async def _get(self, kind: TypeAdapter[T], plan: NodePlan, path: str) -> T | None:
        text = await self.get_text(plan, path)
        if text is None:
            return None
        try:
            return kind.validate_json(text)
        except ValidationError as error:
            # A node of this checkout that answers something else is a bug, not a slow node.
            raise AssertionError(f"{plan.api}{path} answered {text[:200]}") from error


def _list_validators(graphs: list[MetagraphAnswer]) -> dict[int, set[str]]:
    """Return the hotkeys of each subnet."""
    return {graph.netuid: {neuron.hotkey for neuron in graph.neurons} for graph in graphs}


def _read_row(signer: str, fields: Mapping[str, object]) -> Row:
    """Return the row in the fields of a RevealWeights transaction."""
    epoch, uids, values = fields["epoch"], fields["uids"], fields["values"]
    assert isinstance(epoch, int)
    pairs = TypeAdapter(list[int])
    weights = zip(pairs.validate_python(uids), pairs.validate_python(values), strict=True)
    return Row(signer, epoch, dict(weights))


def read_median_ms(text: str, name: str) -> float | None:
    """Return the median of a Prometheus histogram, interpolated in its bucket; None when empty."""
    buckets: list[tuple[float, float]] = []
    for family in text_string_to_metric_families(text):
        if family.name == name:
            found = [s for s in family.samples if s.name == f"{name}_bucket"]
            buckets = sorted((float(s.labels["le"]), s.value) for s in found)
    if not buckets or buckets[-1][1] == 0:
        return None
    half = buckets[-1][1] / 2
    low, below = 0.0, 0.0
    for high, count in buckets:
        if count >= half:
            if high == float("inf"):
                return low * 1_000
            return 1_000 * (low + (high - low) * (half - below) / (count - below))
        low, below = high, count
    return low * 1_000
