"""What a final transaction did to its signer, and whether an order was filled.

A receipt says that an order was accepted; whether the block's price met its limit shows in the
stake alone. So the signer's account is compared before and after the block.
"""

from collections.abc import Mapping, Sequence

from config.address import format_address
from daemon.cli.output import CliError, Exit
from daemon.cli.progress import wait_for_height
from daemon.cli.tx.desk import Desk, read_int, read_rows
from daemon.unit import Fields

UNMET = "order_dropped"
"""The event of an order that was not filled, and the code of the error."""
SWAPS = {"stake_bought", "stake_sold"}
"""The events of one that was."""
_FILLED_PART = 2
"""An order counts as filled if it moved at least one half of what the preview said."""


def check_limit(preview: Fields) -> None:
    """Return if no order would be dropped.

    Raises:
        CliError: `order_dropped`: the swap's own size moves the price beyond its limit.
    """
    if any(event.get("what") == UNMET for event in read_rows(preview, "events")):
        raise CliError(
            Exit.FAILED,
            UNMET,
            "Not sent: the price the swap would be done at is beyond its limit.",
            "Swap less, give more --slippage or another --limit; --dry-run shows the price.",
        )


def find_changes(desk: Desk, preview: Fields, height: int) -> list[dict[str, object]] | None:
    """Return what block `height` did to the figures of the signer that the preview named.

    A swap between subnets buys a block later, so that one is waited for. None: the node does not
    have the state before the block, having started or synced after it.

    Raises:
        CliError: the node does not answer, or no block comes.
    """
    signer = format_address(desk.signer)
    last = height + (len(_list_swaps(preview)) > 1)
    wait_for_height(desk.client, last)
    try:
        before, after = (_read_account(desk, signer, at) for at in (height - 1, last))
    except CliError as error:
        if error.code != "not_kept":
            raise
        return None
    changes: list[dict[str, object]] = []
    for effect in read_rows(preview, "effects"):
        key = _name(effect)
        if key is not None and key[0] == signer:
            figures = {"before": str(before.get(key, 0)), "after": str(after.get(key, 0))}
            changes.append({name: effect[name] for name in ("what", "netuid", "who")} | figures)
    return changes


def check_filled(preview: Fields, changes: Sequence[Fields]) -> None:
    """Return if every order that the preview filled was filled.

    Raises:
        CliError: `order_dropped`: one was accepted and not filled.
    """
    effects = read_rows(preview, "effects")
    for place, swap in enumerate(_list_swaps(preview)):
        netuid = swap["netuid"]
        if _sum_moves(changes, netuid) * _FILLED_PART >= _sum_moves(effects, netuid):
            continue
        words = "nothing was swapped, and what was offered came back"
        if place:
            words = "the stake was sold, its proceeds are in the account, but bought nothing"
        raise CliError(
            Exit.FAILED,
            UNMET,
            f"It is final, but the price was beyond the limit: {words}. The fee is paid.",
            "Look at the price now, and send it again with another limit.",
        )


def _list_swaps(preview: Fields) -> list[Fields]:
    return [each for each in read_rows(preview, "events") if each.get("what") in SWAPS]


def _sum_moves(figures: Sequence[Fields], netuid: object) -> int:
    """Return how far stakes of a subnet move, in alpha rao."""
    return sum(
        abs(read_int(figure, "after") - read_int(figure, "before"))
        for figure in figures
        if (figure["what"], figure["netuid"]) == ("stake", netuid)
    )


def _name(effect: Fields) -> tuple[str, str, int, str] | None:
    """Return whose figure an effect is: coldkey, kind, subnet, hotkey; None: not an account's."""
    who = effect.get("who")
    if effect.get("what") not in {"free", "stake"} or not isinstance(who, list) or not who:
        return None
    keys = [str(each) for each in who]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    hotkey = keys[1] if len(keys) > 1 else ""
    return keys[0], str(effect["what"]), read_int(effect, "netuid"), hotkey


def _read_account(desk: Desk, address: str, height: int) -> Mapping[tuple[str, str, int, str], int]:
    told = desk.client.get_ok(f"/chain/account/{address}?height={height}")
    found = {(address, "free", 0, ""): read_int(told, "free")}
    for stake in read_rows(told, "stakes"):
        key = (address, "stake", read_int(stake, "netuid"), str(stake["hotkey"]))
        found[key] = read_int(stake, "amount")
    return found
