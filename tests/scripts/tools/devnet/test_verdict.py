from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from daemon.hosting.status import NeuronStatus
from daemon.views.node import StatusAnswer
from daemon.views.supply import SupplyPart
from scripts.tools.devnet.plan import NodePlan, Options, first_reward_height, plan_nodes
from scripts.tools.devnet.table import Frame, describe, render, render_findings
from scripts.tools.devnet.verdict import Finding, judge
from scripts.tools.devnet.watch import History, NeuronSeen, NodeSeen, Row, Seen, read_median_ms
from tests.daemon.http.fixed_view import FixedView

OPTIONS = Options()
NODES = plan_nodes(OPTIONS, tuple(range(20_000, 20_008)))
EPOCHS = 3
SUPPLY = SupplyPart(issued=1_000, free=600, staked=300, unbonding=60, pending=40)


def make_status(plan: NodePlan) -> StatusAnswer:
    return replace(
        FixedView().status(),
        name=plan.name,
        height=66,
        state_root="root66",
        peers=(),
        neuron=NeuronStatus(plan.role, 1, "hot", plan.index, "ready", weights_age_epochs=1),
        supply=SUPPLY,
    )


def make_neuron(plan: NodePlan) -> NeuronSeen:
    earned = {0: 900_000_000, 1: 200_000_000, None: 500_000_000}[plan.skill]
    is_miner = plan.skill is not None
    return NeuronSeen(
        plan, f"hot-{plan.index}", plan.index, 0.5 if is_miner else 0.0, 0.0, 0.5, 1, earned
    )


def make_seen() -> Seen:
    return Seen(
        tuple(NodeSeen(plan, make_status(plan), 31.0) for plan in NODES),
        tuple(make_neuron(plan) for plan in NODES),
        epoch=3,
        height=66,
    )


def make_history() -> History:
    digests = {h: {plan.index: f"d{h}" for plan in NODES} for h in range(1, 67)}
    rows = {
        (epoch, f"hot-{validator}"): Row(f"hot-{validator}", epoch, {2: 65_535, 3: 20_000})
        for epoch in range(EPOCHS)
        for validator in (0, 1)
    }
    return History(digests, rows, read_to=65)


def failed(seen: Seen, history: History) -> list[str]:
    return [finding.name for finding in judge(OPTIONS, seen, history, EPOCHS) if not finding.ok]


def with_status(seen: Seen, index: int, status: StatusAnswer | None) -> Seen:
    nodes = tuple(
        replace(node, status=status) if node.plan.index == index else node for node in seen.nodes
    )
    return replace(seen, nodes=nodes)


def test_a_network_that_did_its_job_passes_every_check() -> None:
    findings = judge(OPTIONS, make_seen(), make_history(), EPOCHS)
    assert [finding.ok for finding in findings] == [True] * 5


def test_one_differing_digest_is_a_fork() -> None:
    history = make_history()
    history.digests[17][3] = "other"
    assert failed(make_seen(), history) == ["every node finalised the same blocks"]


def test_a_missing_height_of_one_node_is_no_agreement() -> None:
    history = make_history()
    del history.digests[first_reward_height(OPTIONS, EPOCHS)][2]
    assert failed(make_seen(), history) == ["every node finalised the same blocks"]


def test_a_node_that_is_down_fails_the_blocks_and_the_supply() -> None:
    seen = with_status(make_seen(), 1, None)
    assert failed(seen, make_history()) == [
        "every node finalised the same blocks",
        "supply adds up to the rao on every node",
    ]


@pytest.mark.parametrize("part", ["free", "staked", "unbonding", "pending", "issued"])
def test_one_rao_too_many_anywhere_on_one_node_fails_the_supply(part: str) -> None:
    supply = replace(SUPPLY, **{part: getattr(SUPPLY, part) + 1})
    seen = with_status(make_seen(), 2, replace(make_status(NODES[2]), supply=supply))
    assert failed(seen, make_history()) == ["supply adds up to the rao on every node"]


def test_equal_sums_with_different_parts_at_one_state_fail_the_supply() -> None:
    supply = replace(SUPPLY, free=601, staked=299)
    seen = with_status(make_seen(), 2, replace(make_status(NODES[2]), supply=supply))
    assert failed(seen, make_history()) == ["supply adds up to the rao on every node"]


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_one_withheld_reveal_in_any_epoch_fails(epoch: int) -> None:
    history = make_history()
    del history.rows[epoch, "hot-1"]
    assert failed(make_seen(), history) == ["every validator revealed its weights in every epoch"]


def test_the_weaker_model_earning_as_much_fails() -> None:
    seen = make_seen()
    neurons = tuple(
        replace(n, earned=900_000_000) if n.plan.role == "miner" else n for n in seen.neurons
    )
    assert failed(replace(seen, neurons=neurons), make_history()) == [
        "the better model earned more"
    ]


def test_nobody_paid_fails_both_checks_of_pay() -> None:
    seen = make_seen()
    neurons = tuple(replace(n, earned=0) for n in seen.neurons)
    assert failed(replace(seen, neurons=neurons), make_history()) == [
        "the miners were paid",
        "the better model earned more",
    ]


# -- what is shown --------------------------------------------------------------------------------


def show(picture: object) -> str:
    console = Console(file=StringIO(), width=140, record=True)
    console.print(picture)
    return console.export_text()


FRAME = Frame(OPTIONS, 66.4, 31.2, "Ctrl-C stops it.")


def test_the_picture_shows_each_node_s_height_and_each_miner_s_pay() -> None:
    text = show(render(make_seen(), FRAME))
    assert text.count("66") >= 4
    assert "epochs paid 3" in text
    assert "first pay 31 s" in text
    assert "0.9000" in text
    assert "31 ms" in text
    assert "pooled" in text


def test_a_node_that_is_down_is_shown_as_down() -> None:
    assert "down" in show(render(with_status(make_seen(), 3, None), FRAME))


def test_the_picture_of_a_network_that_never_answered_can_be_drawn() -> None:
    empty = Seen(tuple(NodeSeen(plan, None) for plan in NODES), (), 0, 0)
    assert "height 0" in show(render(empty, Frame(OPTIONS, 0.0, None, "")))
    assert describe(empty) == "height 0, 0 of 4 nodes up"


def test_a_failed_check_stands_out() -> None:
    assert "FAILED" in show(render_findings((Finding("a", ok=False, detail="b"),)))


def test_the_share_of_a_row_is_of_its_sum() -> None:
    row = Row("v", 0, {2: 3, 3: 1})
    assert (row.share(2), row.share(3), row.share(4)) == (0.75, 0.25, 0.0)
    assert Row("v", 0, {}).share(0) == 0.0


HISTOGRAM = """# HELP neurond_finality_seconds x
# TYPE neurond_finality_seconds histogram
neurond_finality_seconds_bucket{le="0.01"} 0.0
neurond_finality_seconds_bucket{le="0.02"} 10.0
neurond_finality_seconds_bucket{le="0.04"} 20.0
neurond_finality_seconds_bucket{le="+Inf"} 40.0
neurond_finality_seconds_count 40.0
neurond_finality_seconds_sum 1.0
"""


def test_a_median_is_read_from_a_histogram() -> None:
    assert read_median_ms(HISTOGRAM, "neurond_finality_seconds") == 40.0
    narrower = HISTOGRAM.replace('"0.04"} 20.0', '"0.04"} 30.0')
    assert read_median_ms(narrower, "neurond_finality_seconds") == 30.0
    assert read_median_ms("", "neurond_finality_seconds") is None
