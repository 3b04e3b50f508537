"""Every verb of `neurond query`."""

from typing import TYPE_CHECKING

from consensus.quantities import U16_MAX, U32, Hash32, NetUid, Uid
from daemon.cli.amounts import parse_number
from daemon.cli.query import market_sheets, sheets
from daemon.cli.query.query import Query, Seeker
from daemon.cli.tx.entry import Prompt
from daemon.cli.tx.fields import parse_hash
from storage.keys.keyfile import KeyKind

if TYPE_CHECKING:
    from daemon.http.view import Question, StateAnswer

COUNT_MAX = 256
ROWS_MAX = 64
NETUID = Prompt("netuid", "The subnet.", is_argument=True)
_ADDRESS = Prompt("address", "An address or a key's name; else the configured coldkey.")
_HOTKEY = Prompt("hotkey", "An address or a key's name; else neuron.hotkey of the settings.")
_COUNT = Prompt("count", "At most so many.")


def get_netuid(seeker: Seeker) -> NetUid:
    """Return the subnet that was named.

    Raises:
        CliError: `usage`: it is not a number.
    """
    return NetUid(parse_number(seeker.text("netuid"), 0, U16_MAX))


def _count(seeker: Seeker, usual: int, most: int = COUNT_MAX) -> int:
    return parse_number(seeker.text("count", str(usual)), 1, most)


def _first(seeker: Seeker) -> int:
    return parse_number(seeker.text("first", "0"), 0, U16_MAX)


def _hash(seeker: Seeker, name: str) -> Hash32:
    return parse_hash(seeker.text(name))


# Questions load the ledger, so only a proof asks for one.


def _account(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.questions import ask_account  # noqa: PLC0415 - see above

    return ask_account(seeker.key("address"))


def _metagraph(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.questions import ask_metagraph  # noqa: PLC0415 - see above

    return ask_metagraph(get_netuid(seeker))


def _delegates(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.questions import ask_delegates  # noqa: PLC0415 - see above

    return ask_delegates(_count(seeker, 100))


def _delegate(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.questions import ask_delegate  # noqa: PLC0415 - see above

    return ask_delegate(seeker.key("hotkey", KeyKind.HOTKEY))


def _validators(_seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.questions import ask_validators  # noqa: PLC0415 - see above

    return ask_validators()


def _concentration(_seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.questions import ask_concentration  # noqa: PLC0415 - see above

    return ask_concentration()


def _params(_seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.market_questions import ask_params  # noqa: PLC0415 - see above

    return ask_params()


def _subnets(_seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.market_questions import ask_subnets  # noqa: PLC0415 - see above

    return ask_subnets()


def ask_subnet(seeker: Seeker) -> "Question[StateAnswer]":
    """Return the question for one market."""
    from daemon.http import market_questions  # noqa: PLC0415 - see above

    return market_questions.ask_subnet(get_netuid(seeker))


def _channel(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_channel  # noqa: PLC0415 - see above

    return ask_channel(_hash(seeker, "channel"))


def _channels(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_channels  # noqa: PLC0415 - see above

    return ask_channels(seeker.key("address"), _count(seeker, 100))


def _proposals(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_proposals  # noqa: PLC0415 - see above

    return ask_proposals(_count(seeker, 20))


def _proposal(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_proposal  # noqa: PLC0415 - see above

    return ask_proposal(U32(_number(seeker)))


def _coldkey(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_coldkey  # noqa: PLC0415 - see above

    return ask_coldkey(seeker.key("address"))


def _swaps(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_swaps  # noqa: PLC0415 - see above

    return ask_swaps(_count(seeker, 100))


def _models(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_models  # noqa: PLC0415 - see above

    return ask_models(get_netuid(seeker))


def _weights(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_weights  # noqa: PLC0415 - see above

    return ask_weights(get_netuid(seeker), Uid(_first(seeker)), _count(seeker, ROWS_MAX, ROWS_MAX))


def _children(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_children  # noqa: PLC0415 - see above

    return ask_children(get_netuid(seeker), seeker.key("hotkey", KeyKind.HOTKEY))


def _supply(seeker: Seeker) -> "Question[StateAnswer]":
    from daemon.http.family_questions import ask_supply  # noqa: PLC0415 - see above

    return ask_supply(_coin(seeker))


def _number(seeker: Seeker) -> int:
    return parse_number(seeker.text("number"), 0, 2**32 - 1)


def _coin(seeker: Seeker) -> NetUid:
    return NetUid(parse_number(seeker.text("netuid", "0"), 0, U16_MAX))


def _weights_path(seeker: Seeker) -> str:
    part = f"first={_first(seeker)}&count={_count(seeker, ROWS_MAX, ROWS_MAX)}"
    return f"/chain/subnets/{get_netuid(seeker)}/weights?{part}"


def _children_path(seeker: Seeker) -> str:
    hotkey = seeker.address("hotkey", KeyKind.HOTKEY)
    return f"/chain/subnets/{get_netuid(seeker)}/children/{hotkey}"


QUERIES: tuple[Query, ...] = (
    Query(
        "account",
        "What a key has and is.",
        "neurond query account alice",
        (Prompt("address", _ADDRESS.help, is_argument=True, is_optional=True),),
        lambda seeker: f"/chain/account/{seeker.address('address')}",
        sheets.ACCOUNT,
        _account,
    ),
    Query(
        "metagraph",
        "The neurons of a subnet, with every figure known of them.",
        "neurond query metagraph 1",
        (NETUID,),
        lambda seeker: f"/chain/metagraph/{get_netuid(seeker)}",
        market_sheets.METAGRAPH,
        _metagraph,
    ),
    Query(
        "weights",
        "What validators weigh miners at, and their bonds in them: the matrices W and B.",
        "neurond query weights 1 --first 64",
        (
            NETUID,
            Prompt("first", "The first uid; else 0."),
            Prompt("count", "So many uids, at most 64."),
        ),
        _weights_path,
        market_sheets.WEIGHTS,
        _weights,
    ),
    Query(
        "subnets",
        "All markets: state, price, pool, what a registration and a new subnet cost.",
        "neurond query subnets",
        (),
        lambda _: "/chain/subnets",
        market_sheets.SUBNETS,
        _subnets,
    ),
    Query(
        "prices",
        "The pools: price, what each holds, the averages that emission follows.",
        "neurond query prices",
        (),
        lambda _: "/chain/subnets",
        market_sheets.PRICES,
        _subnets,
    ),
    Query(
        "hyperparameters",
        "A subnet's rules: values, bounds, and what will change when.",
        "neurond query hyperparameters 1",
        (NETUID,),
        lambda seeker: f"/chain/subnets/{get_netuid(seeker)}",
        market_sheets.HYPERPARAMETERS,
        ask_subnet,
    ),
    Query(
        "params",
        "The network's parameters, and what a vote may set each to.",
        "neurond query params",
        (),
        lambda _: "/chain/params",
        market_sheets.PARAMS,
        _params,
    ),
    Query(
        "supply",
        "Where every rao of TAO, or of a subnet's alpha, is.",
        "neurond query supply",
        (Prompt("netuid", "The subnet; else TAO.", is_argument=True, is_optional=True),),
        lambda seeker: f"/chain/supply/{_coin(seeker)}",
        market_sheets.SUPPLY,
        _supply,
    ),
    Query(
        "delegates",
        "The hotkeys with the most root stake.",
        "neurond query delegates --count 10",
        (_COUNT,),
        lambda seeker: f"/chain/delegates?count={_count(seeker, 100)}",
        sheets.DELEGATES,
        _delegates,
    ),
    Query(
        "delegate",
        "One hotkey as a delegate: owner, take, stake, delegators.",
        "neurond query delegate alice-hotkey",
        (Prompt("hotkey", _HOTKEY.help, is_argument=True, is_optional=True),),
        lambda seeker: f"/chain/delegates/{seeker.address('hotkey', KeyKind.HOTKEY)}",
        sheets.DELEGATE,
        _delegate,
    ),
    Query(
        "validators",
        "The validator set that signs blocks.",
        "neurond query validators",
        (),
        lambda _: "/chain/validators",
        sheets.VALIDATORS,
        _validators,
    ),
    Query(
        "concentration",
        "How few hold how much: Gini and Nakamoto coefficients.",
        "neurond query concentration",
        (),
        lambda _: "/chain/concentration",
        sheets.CONCENTRATION,
        _concentration,
    ),
    Query(
        "identity",
        "A coldkey: its words, announced swap, hotkeys, where its pay is staked.",
        "neurond query identity alice",
        (Prompt("address", _ADDRESS.help, is_argument=True, is_optional=True),),
        lambda seeker: f"/chain/coldkeys/{seeker.address('address')}",
        sheets.IDENTITY,
        _coldkey,
    ),
    Query(
        "swaps",
        "Announced coldkey swaps.",
        "neurond query swaps",
        (_COUNT,),
        lambda seeker: f"/chain/swaps?count={_count(seeker, 100)}",
        sheets.SWAPS,
        _swaps,
    ),
    Query(
        "models",
        "The models published in a subnet, and who was first with each.",
        "neurond query models 1",
        (NETUID,),
        lambda seeker: f"/chain/subnets/{get_netuid(seeker)}/models",
        market_sheets.MODELS,
        _models,
    ),
    Query(
        "children",
        "To whom a hotkey lends stake weight in a subnet, and who lends to it.",
        "neurond query children 1 alice-hotkey",
        (NETUID, Prompt("hotkey", _HOTKEY.help, is_argument=True, is_optional=True)),
        _children_path,
        market_sheets.CHILDREN,
        _children,
    ),
    Query(
        "channels",
        "The open channels that a key pays for, or is paid by.",
        "neurond query channels alice",
        (Prompt("address", _ADDRESS.help, is_argument=True, is_optional=True), _COUNT),
        lambda s: f"/chain/account/{s.address('address')}/channels?count={_count(s, 100)}",
        sheets.CHANNELS,
        _channels,
    ),
    Query(
        "channel",
        "One open channel.",
        f"neurond query channel {'ab' * 32}",
        (Prompt("channel", "Its id.", is_argument=True),),
        lambda seeker: f"/chain/channels/{_hash(seeker, 'channel').hex()}",
        sheets.CHANNEL,
        _channel,
    ),
    Query(
        "proposals",
        "Proposals, newest first, and decided protocol versions.",
        "neurond query proposals",
        (_COUNT,),
        lambda seeker: f"/chain/proposals?count={_count(seeker, 20)}",
        sheets.PROPOSALS,
        _proposals,
    ),
    Query(
        "proposal",
        "One proposal with its votes.",
        "neurond query proposal 3",
        (Prompt("number", "Its number.", is_argument=True),),
        lambda seeker: f"/chain/proposals/{_number(seeker)}",
        sheets.PROPOSAL,
        _proposal,
    ),
    Query(
        "block",
        "One final block with its transactions.",
        "neurond query block 12",
        (Prompt("number", "Its height.", is_argument=True),),
        lambda seeker: f"/chain/blocks/{parse_number(seeker.text('number'), 0, 2**64 - 1)}",
        sheets.BLOCK,
    ),
    Query(
        "blocks",
        "The newest final blocks.",
        "neurond query blocks --count 5",
        (_COUNT,),
        lambda seeker: f"/chain/blocks?count={min(100, _count(seeker, 20))}",
        sheets.BLOCKS,
    ),
    Query(
        "receipt",
        "What became of a transaction.",
        f"neurond query receipt {'ab' * 32}",
        (Prompt("identity", "The transaction's id.", is_argument=True),),
        lambda seeker: f"/chain/transactions/{_hash(seeker, 'identity').hex()}",
        sheets.RECEIPT,
    ),
)
"""In the order in which help lists them."""
