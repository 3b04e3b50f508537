"""A reward as a waterfall: from the pots to the neuron, part by part, to the rao."""

from collections.abc import Iterator
from typing import cast

import click

from consensus.quantities import U16_MAX
from daemon.cli.output import print_table
from daemon.cli.tx.desk import read_int, read_rows
from daemon.unit import Fields, format_amount

_Q32 = 1 << 32


def print_reward(answer: Fields) -> None:
    """Print one reward: what came from whom, and who got it."""
    reward = cast("Fields", answer["explanation"])
    click.echo(
        f"uid {answer['uid']} of subnet {answer['netuid']}, epoch {answer['epoch']}, "
        f"stepped at block {reward['block']}\nhotkey {answer['hotkey']}"
    )
    rows = [
        *_list_miner(reward),
        *_list_validator(reward),
        ("Earned in all", "", _alpha(read_int(reward, "emission"))),
    ]
    print_table("", ("from", "how", "alpha"), rows)
    shares = _list_shares(reward)
    if shares:
        print_table("Who got the validator's part", ("whose", "why", "alpha"), shares)


def _list_miner(reward: Fields) -> Iterator[tuple[str, str, str]]:
    pot = format_amount(read_int(reward, "miner_pot"), "")
    for part in read_rows(reward, "votes"):
        weight = f"weight {part['weight']}, {_share(part['weight_share'])} of its row"
        clip = read_int(part, "clip")
        cut = f", {_share(clip)} clipped by consensus" if clip else ""
        stake = f"stake {_share(part['stake'])}"
        how = f"{weight}{cut}; {stake}"
        yield f"validator {part['validator']}", how, _alpha(read_int(part, "amount"))
    earned = read_int(reward, "miner_emission")
    how = f"incentive {_share(reward['incentive'])} of a pot of {pot}"
    yield "= as a miner", how, _alpha(earned)


def _list_validator(reward: Fields) -> Iterator[tuple[str, str, str]]:
    pot = format_amount(read_int(reward, "validator_pot"), "")
    for part in read_rows(reward, "bonds"):
        how = f"bond {_share(part['bond_share'])} in it; its incentive {_share(part['incentive'])}"
        yield f"miner {part['miner']}", how, _alpha(read_int(part, "amount"))
    basis = str(reward["basis"])
    how = f"dividends {_share(reward['dividends'])} of a pot of {pot}"
    if basis != "dividends":
        how = f"by {basis}: nobody had dividends; a pot of {pot}"
    yield "= as a validator", how, _alpha(read_int(reward, "validator_emission"))


def _list_shares(reward: Fields) -> list[tuple[str, str, str]]:
    """Return who got the validator's part; empty where it is nothing."""
    if not read_int(reward, "validator_emission"):
        return []
    take = f"take {read_int(reward, 'take') / U16_MAX:.2%}"
    whose = (
        ("its owner", f"{take}, in alpha", "owner"),
        ("stake in alpha on it", "raises every share", "delegators"),
        ("root stake on it", "sold for TAO, take applies there", "sold"),
        ("hotkeys that lent it stake", "after the take", "lenders"),
    )
    rows = [(label, why, _alpha(read_int(reward, name))) for label, why, name in whose]
    return [*rows, ("= as a validator", "", _alpha(read_int(reward, "validator_emission")))]


def _alpha(rao: int) -> str:
    return format_amount(rao, "")


def _share(value: object) -> str:
    return f"{cast('int', value) / _Q32:.4%}"
