"""Answers about markets and the network's rules, and previews of transactions.

As in `daemon/http/view.py`: frozen values whose fields are the JSON's. Amounts are rao of TAO or of
the subnet's alpha; a price is rao of TAO for 10^9 alpha rao, rounded down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from daemon.http.family_values import FamilyAnswer, IdentityView
from daemon.http.values import ProofView


@dataclass(frozen=True, slots=True)
class ParamsAnswer:
    """The network's parameters after block `height`, in their own units (`consensus/params.py`)."""

    height: int
    chain_id: str
    params: Mapping[str, int]
    bounds: Mapping[str, tuple[int, int]]
    """What a vote can set each to, both included; the others are fixed."""
    subnet_cost: int
    """What a new subnet costs in the next block, rao."""
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class SubnetRow:
    """One market at a glance."""

    netuid: int
    task: str
    owner: str | None
    """The owner's hotkey."""
    state: Literal["waiting", "started", "ending", "closed"]
    """Waiting: its owner has not started it yet; ending: it is under notice."""
    neurons: int
    price: int
    tao: int
    """In its liquidity pool, as `alpha`."""
    alpha: int
    burn: int
    """The price of a registration."""
    injected: int
    """TAO that the last block gave it."""
    price_average: float
    """TAO for one alpha, the slow average that emission follows."""
    demand: int
    """Rao that buyers paid, halved with every half-life that passed since."""


@dataclass(frozen=True, slots=True)
class SubnetsAnswer:
    """All markets, and what the next one costs."""

    height: int
    count_max: int
    cost: int
    subnets: tuple[SubnetRow, ...]
    proof: ProofView | None = None


@dataclass(frozen=True, slots=True)
class HyperparameterView:
    """One rule of a subnet; bounds are None where its owner may not change it."""

    name: str
    value: int
    low: int | None
    high: int | None
    unit: str
    next_value: int | None = None
    """What it will be."""
    takes_effect: int | None = None
    """From the first epoch step at or after this height."""


@dataclass(frozen=True, slots=True)
class MechanismView:
    """A task and the evaluation code that counts."""

    task: str
    task_params: str
    scorer_version: int
    scorer_hash: str
    activation: int


@dataclass(frozen=True, slots=True)
class SubnetAnswer:
    """One market with its rules, their changes to come, its mechanism and its owner's words."""

    netuid: int
    height: int
    row: SubnetRow
    price: int
    burn: int
    created_at: int
    tempo: int
    epoch: int
    """Of the next block."""
    next_step: int
    """Height of the next epoch step."""
    owner_coldkey: str | None
    starts_from: int
    """From which height its owner may start it."""
    ends_at: int | None
    """When it is closed, under notice."""
    mechanism: MechanismView
    next_mechanism: MechanismView | None
    identity: IdentityView | None
    hyperparameters: tuple[HyperparameterView, ...]
    proof: ProofView | None = None


# -- previews -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EffectView:
    """One figure a transaction would change; `who` are addresses, the coldkey's first."""

    what: str
    netuid: int
    who: tuple[str, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What the next block would make of a transaction."""

    height: int
    outcome: Literal["succeeds", "fails", "impossible"]
    """It would be done; cost its fee and fail; or can't be in a block at all."""
    fee: int
    tip: int
    nonce: int
    """The signer's next, counting what waits here."""
    code: int | None
    error: str | None
    """The name of the refusal."""
    message: str | None
    remedy: str | None
    events: tuple[Mapping[str, object], ...]
    effects: tuple[EffectView, ...]
    writes: tuple[str, ...]
    """Families of the records it would write."""


MarketAnswer = ParamsAnswer | SubnetsAnswer | SubnetAnswer | FamilyAnswer
"""What is asked of the state about markets, and about what the families of calls keep."""
