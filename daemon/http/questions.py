"""The catalogue of what may be asked of the ledger's state.

Each function makes a `Question` from checked parameters. Its answer is computed by a query and
presented, from whatever ledger it is given: the node's state of some height, or (on a client) the
entries of a proof. So it must read nothing but the ledger, and read it by `get` where it can: what
a scan finds can be proven, but not that nothing was left out.
"""

from collections.abc import Sequence

from config.address import format_address
from consensus.ledger import queries
from consensus.ledger.records import get_head
from consensus.ledger.stake import delegates
from consensus.ledger.state import Reading
from consensus.quantities import NetUid, PublicKey, Uid
from consensus.refusals import SubnetClosed, UnknownSubnet
from daemon.engine.errors import NodeError, not_found
from daemon.http.figures import (
    present_concentration,
    present_delegate,
    present_delegates,
    present_validators,
)
from daemon.http.present import present_account, present_metagraph, present_reward
from daemon.http.values import (
    ConcentrationView,
    DelegateAnswer,
    DelegatesAnswer,
    EntriesView,
    EntryView,
    ValidatorsAnswer,
)
from daemon.http.view import AccountView, ExplainView, MetagraphView, Question

DELEGATORS_MAX = 10_000
"""How far delegators are counted: each costs a read."""


def ask_account(key: PublicKey) -> Question[AccountView]:
    """Ask what a key has and is."""

    def answer(view: Reading) -> AccountView:
        return present_account(queries.account(view, key), get_head(view).height)

    return Question(f"/chain/account/{format_address(key)}", answer)


def ask_metagraph(netuid: NetUid) -> Question[MetagraphView]:
    """Ask for the neurons of a subnet."""

    def answer(view: Reading) -> MetagraphView:
        try:
            return present_metagraph(queries.metagraph(view, netuid))
        except (UnknownSubnet, SubnetClosed) as error:
            raise _no_subnet(netuid) from error

    return Question(f"/chain/metagraph/{netuid}", answer)


def ask_explain(netuid: NetUid, uid: Uid) -> Question[ExplainView]:
    """Ask why a neuron earned what it did in the last epoch."""

    def answer(view: Reading) -> ExplainView:
        try:
            reward = queries.explain(view, netuid, uid)
        except (UnknownSubnet, SubnetClosed) as error:
            raise _no_subnet(netuid) from error
        if reward is None:
            raise not_found(
                f"reward of uid {uid} in subnet {netuid}",
                "It comes with the first epoch step after the neuron's registration.",
            )
        return present_reward(reward, get_head(view).height)

    return Question(f"/chain/explain/{netuid}/{uid}", answer)


def ask_entries(keys: Sequence[bytes]) -> Question[EntriesView]:
    """Ask for entries of the state as they are, by their keys."""
    wanted = tuple(keys)

    def answer(view: Reading) -> EntriesView:
        pairs = [(key, view.get(key)) for key in wanted]
        entries = tuple(
            EntryView(key.hex(), None if value is None else value.hex()) for key, value in pairs
        )
        return EntriesView(get_head(view).height, entries)

    return Question("/chain/proof?" + "&".join(f"key={key.hex()}" for key in wanted), answer)


def ask_validators() -> Question[ValidatorsAnswer]:
    """Ask for the validator set that signs blocks."""

    def answer(view: Reading) -> ValidatorsAnswer:
        entries = present_validators(queries.validator_set(view))
        return ValidatorsAnswer(get_head(view).height, entries)

    return Question("/chain/validators", answer)


def ask_delegates(count: int) -> Question[DelegatesAnswer]:
    """Ask for the hotkeys with the most root stake."""

    def answer(view: Reading) -> DelegatesAnswer:
        return present_delegates(delegates.list_delegates(view, count))

    return Question(f"/chain/delegates?count={count}", answer)


def ask_delegate(hotkey: PublicKey) -> Question[DelegateAnswer]:
    """Ask for one hotkey as a delegate."""

    def answer(view: Reading) -> DelegateAnswer:
        found = delegates.find_delegate(view, hotkey)
        if found is None:
            raise not_found(
                f"hotkey {format_address(hotkey)}",
                "Check the address; a hotkey is claimed by registering it or staking on it.",
            )
        count = delegates.count_delegators(view, hotkey, DELEGATORS_MAX)
        return DelegateAnswer(get_head(view).height, present_delegate(found), count)

    return Question(f"/chain/delegates/{format_address(hotkey)}", answer)


def ask_concentration() -> Question[ConcentrationView]:
    """Ask how concentrated stake is."""

    def answer(view: Reading) -> ConcentrationView:
        return present_concentration(delegates.measure_concentration(view))

    return Question("/chain/concentration", answer)


def _no_subnet(netuid: NetUid) -> NodeError:
    return not_found(f"subnet {netuid}", "Subnets are numbered from 1.")
