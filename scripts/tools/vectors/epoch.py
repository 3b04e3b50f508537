"""Cases of whole epochs: ours, to be met exactly, and the ancestor's, met where the rules agree.

The ancestor's figures are u16 (x * 65535, rounded down) and rao. Where our law differs, it does so
by a rule of `docs/spec/ledger.md` 6; `LEFT_OUT` names, case by case, the figures that rule changes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from consensus.fixed import to_u16
from consensus.params import Q32
from consensus.reward.emission import divide
from consensus.reward.epoch import EpochInput, EpochTerms, YumaParams
from consensus.reward.rows import SparseRow, build_rows, get_cell, get_sparse_row
from consensus.reward.yuma import run_epoch

Case = dict[str, Any]
Step = dict[str, Any]

# -- our own law: exact ----------------------------------------------------------------------------


def check_law_case(case: Case) -> list[str]:
    """Return what differs from an exact case of our law."""
    epoch = build_law_epoch(case["input"])
    terms = run_epoch(epoch)
    emission = case["input"]["emission"]
    payout = divide(terms, emission // 2, emission - emission // 2)
    got = {
        "stake_share": terms.stake_share,
        "active_stake": terms.active_stake,
        "permits": terms.permits_next,
        "consensus": terms.consensus,
        "validator_trust": terms.validator_trust,
        "incentive": terms.incentive,
        "dividends": terms.dividends,
        "miner_emission": payout.miners,
        "validator_emission": payout.validators,
        "bonds": _name_bonds(terms),
        "bonds_digest": _digest_bonds(terms),
    }
    want = case["expect"]
    return [f"{key}: {got[key]} instead of {want[key]}" for key in want if got[key] != want[key]]


def build_law_epoch(source: Step) -> EpochInput:
    """Return the epoch that an exact case describes."""
    return EpochInput(
        block=source["block"],
        last_epoch_block=source["last_epoch_block"],
        tempo=source["tempo"],
        stake=source["stake"],
        active_block=source["active_block"],
        commit_block=source["weights_block"],
        registered_block=source["registered"],
        permits=source["permits"],
        weights=build_rows(source["n"], _read_named_rows(source["weights"])),
        bonds=build_rows(source["n"], _read_named_rows(source["bonds"])),
        hyper=_read_params(source["params"]),
    )


def _read_named_rows(rows: dict[str, dict[str, int]]) -> dict[int, SparseRow]:
    return {int(u): ([int(column) for column in row], [*row.values()]) for u, row in rows.items()}


def _read_params(source: Step) -> YumaParams:
    key = "max_validators" if "max_validators" in source else "max_allowed_validators"
    return YumaParams(
        kappa=source["kappa"],
        stake_threshold=source["stake_threshold"],
        max_validators=source[key],
        activity_cutoff=source["activity_cutoff"],
        bonds_moving_average=source["bonds_moving_average"],
        bonds_penalty=source["bonds_penalty"],
        liquid_alpha=source["liquid_alpha"],
        alpha_low=source.get("alpha_low", 45_875),
        alpha_high=source.get("alpha_high", 58_982),
        alpha_steepness=source.get("alpha_sigmoid_steepness", 1_000),
    )


def _name_bonds(terms: EpochTerms) -> dict[str, dict[str, int]]:
    named: dict[str, dict[str, int]] = {}
    for uid in terms.bonds.uids:
        columns, values = get_sparse_row(terms.bonds, uid)
        if columns:
            named[str(uid)] = dict(zip(map(str, columns), values, strict=True))
    return named


def _digest_bonds(terms: EpochTerms) -> str:
    digest = blake2b(digest_size=16)
    for uid in terms.bonds.uids:
        for column, value in zip(*get_sparse_row(terms.bonds, uid), strict=True):
            digest.update(uid.to_bytes(4, "little") + column.to_bytes(4, "little"))
            digest.update(value.to_bytes(8, "little"))
    return digest.hexdigest()


# -- the ancestor's epochs -----------------------------------------------------------------------

_DIVIDENDS = ("dividends", "validator_emission", "emission")
_BONDS = ("bonds_cells", "bonds_rows", "bonds_positive", "bonds_vs_previous")
_V2 = "bonds are shares, not normalised by column and scaled up (ancestor's v2)"
_SPARSE = "a missing weight is a zero and its bond decays; the ancestor deletes the bond"
_OWNER = "the subnet owner is no exception: neither permit, stake floor nor self-weight"

NOT_OURS = {"epoch-011": _OWNER, "epoch-049": _OWNER}
"""Cases that are about a rule we don't have."""

LEFT_OUT: dict[str, tuple[tuple[str, ...], str]] = {
    "epoch-003": (("groups.bonds",), _V2),
    "epoch-005": (("groups.bonds",), _V2),
    "epoch-007": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-015": (_BONDS, _V2),
    "epoch-029": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-037": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-039": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-041": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-043": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-045": ((*_DIVIDENDS, *_BONDS), _V2),
    "epoch-047": (_BONDS, _V2),
    "epoch-051": ((*_DIVIDENDS, *_BONDS), _SPARSE),
    "epoch-053": (_BONDS, _SPARSE),
    "epoch-055": (_BONDS, _SPARSE),
}
"""Figures that a rule of ours changes; every other figure of the case is compared."""

RAO_ROUNDING = 1
"""The ancestor rounds each amount down; ours, by largest remainder, may give a rao more."""
DRIFT_U16 = 3
DRIFT_SHARE = 40_000
"""The ancestor stores bonds cut to u16, ours keep Q32: from the second epoch on dividends part by
up to 3 of 65535, amounts by up to 1/40,000 of the emission (seen: 3 and 1/46,000)."""


@dataclass(frozen=True, slots=True)
class _Played:
    """One step of a case as our law plays it."""

    number: int
    epoch: EpochInput
    terms: EpochTerms
    emission: int

    @property
    def has_drift(self) -> bool:
        """Tell whether bonds of an earlier epoch count."""
        return bool(self.epoch.bonds.cells.any())


def check_epoch(case: Case) -> list[str]:
    """Return what differs from an ancestor's case, figure by figure, except those left out."""
    skipped = LEFT_OUT.get(case["id"], ((), ""))[0]
    found: list[str] = []
    for played, expect in zip(_play(case["input"]), case["expect"]["steps"], strict=True):
        for key, want in expect.items():
            if key not in skipped:
                texts = _CHECKS[key](played, want, (case, skipped))
                found += [f"step {played.number} {key}: {text}" for text in texts]
    return found


def _play(source: Step) -> Iterable[_Played]:
    """Play the steps in order; what a step doesn't say stays, permits and bonds carry over."""
    size = source["n"]
    now: Step = {"permits": [False] * size, "weights": {}}
    bonds: dict[int, SparseRow] = {}
    for number, step in enumerate(source["steps"]):
        now |= {key: value for key, value in step.items() if key != "weights"}
        if "stake_groups" in step:
            now["stake"] = _spread_groups(step["stake_groups"], size)
        if {"weights", "weight_groups", "self_weight_rows"} & step.keys():
            now["weights"] = _read_weights(step)
        for uid in step.get("clear_uids", []):
            bonds.pop(uid, None)
            now["permits"] = [p and other != uid for other, p in enumerate(now["permits"])]
        bonds = {u: _drop(row, step.get("reset_bonds_to", [])) for u, row in bonds.items()}
        epoch = _build_epoch(source, now, bonds)
        terms = run_epoch(epoch)
        yield _Played(number, epoch, terms, now["emission"])
        now["permits"] = terms.permits_next
        bonds = {uid: get_sparse_row(terms.bonds, uid) for uid in terms.bonds.uids}


def _build_epoch(source: Step, now: Step, bonds: dict[int, SparseRow]) -> EpochInput:
    commits = now.get("commit_blocks", [None] * source["n"])
    pairs = zip(commits, now["last_update"], strict=True)
    return EpochInput(
        block=now["block"],
        last_epoch_block=now.get("last_step_block", 0),
        tempo=source["hyper"]["tempo"],
        stake=now["stake"],
        active_block=now["last_update"],
        commit_block=[seen if commit is None else commit for commit, seen in pairs],
        registered_block=now["registered"],
        permits=now["permits"],
        weights=build_rows(source["n"], now["weights"]),
        bonds=build_rows(source["n"], bonds),
        hyper=_read_params(source["hyper"]),
    )


def _spread_groups(groups: list[Step], size: int) -> list[int]:
    stake = [0] * size
    for group in groups:
        for uid in group["uids"]:
            stake[uid] = group["value"]
    return stake


def _read_weights(step: Step) -> dict[int, SparseRow]:
    rows: dict[int, dict[int, int]] = {
        int(u): dict(row) for u, row in step.get("weights", {}).items()
    }
    for group in step.get("weight_groups", []):
        for uid in group["rows"]:
            rows.setdefault(uid, {}).update(dict.fromkeys(group["cols"], group["value"]))
    for uid in step.get("self_weight_rows", []):
        rows.setdefault(uid, {})[uid] = 65_535
    return {uid: ([*row], [*row.values()]) for uid, row in rows.items()}


def _drop(row: SparseRow, columns: list[int]) -> SparseRow:
    kept = [(column, value) for column, value in zip(*row, strict=True) if column not in columns]
    return [column for column, _ in kept], [value for _, value in kept]


# -- figures of a step -----------------------------------------------------------------------------

_Context = tuple[Case, tuple[str, ...]]
_Column = list[int] | dict[str, int] | dict[int, int]
"""A whole column, or the figures of some uids."""
_Check = Callable[[_Played, Any, _Context], list[str]]


def _get_figures(played: _Played, key: str) -> list[int]:
    terms = played.terms
    shares = {
        "consensus": terms.consensus,
        "incentive": terms.incentive,
        "dividends": terms.dividends,
        "stake_weight": terms.stake_share,
        "validator_trust": terms.validator_trust,
    }
    if key in shares:
        return [to_u16(value) for value in shares[key]]
    if key == "validator_permit":
        return [int(permit) for permit in terms.permits_next]
    return _get_amounts(played)[key]


def _get_amounts(played: _Played) -> dict[str, list[int]]:
    """Split the emission; with no incentive at all the ancestor gives it all to validators.

    Our law recycles the miners' half then, so the same split is compared on the whole emission.
    """
    miner_pot = played.emission // 2 if any(played.terms.incentive) else 0
    payout = divide(played.terms, miner_pot, played.emission - miner_pot)
    return {
        "server_emission": payout.miners,
        "validator_emission": payout.validators,
        "emission": [a + b for a, b in zip(payout.miners, payout.validators, strict=True)],
    }


def _get_tolerance(played: _Played, key: str, case: Case) -> int:
    drift = played.has_drift and key in _DIVIDENDS
    if key.endswith("emission"):
        return RAO_ROUNDING + (played.emission // DRIFT_SHARE if drift else 0)
    return case.get("tol", {}).get("u16", 0) + (DRIFT_U16 if drift else 0)


def _check_figures(key: str) -> _Check:
    def check(played: _Played, want: _Column, context: _Context) -> list[str]:
        named = want if isinstance(want, dict) else dict(enumerate(want))
        got = _get_figures(played, key)
        tolerance = _get_tolerance(played, key, context[0])
        return [
            f"uid {uid} {got[int(uid)]} instead of {value}"
            for uid, value in named.items()
            if abs(got[int(uid)] - value) > tolerance
        ]

    return check


def _check_groups(played: _Played, want: list[Step], context: _Context) -> list[str]:
    found: list[str] = []
    for group in want:
        for key in group.keys() - {"uids", "bonds"}:
            wanted = {str(uid): group[key] for uid in group["uids"]}
            found += _check_figures(key)(played, wanted, context)
        if "groups.bonds" not in context[1]:
            cells = [[uid, int(j), v] for uid in group["uids"] for j, v in group["bonds"].items()]
            found += _check_cells(played, cells, context)
    return found


def _check_cells(played: _Played, want: list[list[int]], _: _Context) -> list[str]:
    slack = int(played.has_drift)  # u16 storage again
    got = [(i, j, to_u16(get_cell(played.terms.bonds, i, j)), value) for i, j, value in want]
    return [f"{i} -> {j}: {cell} instead of {v}" for i, j, cell, v in got if abs(cell - v) > slack]


def _check_rows(played: _Played, want: dict[str, list[list[int]]], context: _Context) -> list[str]:
    cells: list[list[int]] = []
    for name, row in want.items():
        given: dict[int, int] = {cell[0]: cell[1] for cell in row}
        size = len(played.epoch.stake)
        cells += [[int(name), column, given.get(column, 0)] for column in range(size)]
    return _check_cells(played, cells, context)


def _check_dividends_f(played: _Played, want: list[float], context: _Context) -> list[str]:
    limit = context[0]["tol"]["f"]
    pairs = zip([value / Q32 for value in played.terms.dividends], want, strict=True)
    return [f"{got:.4f} instead of {value}" for got, value in pairs if abs(got - value) > limit]


def _check_bonds_f(played: _Played, want: Step, context: _Context) -> list[str]:
    limit = context[0]["tol"]["f"]
    found: list[str] = []
    for uid, row in enumerate(want["rows"]):
        for column, value in zip(want["cols"], row, strict=True):
            got = get_cell(played.terms.bonds, uid, column) / Q32
            if abs(got - value) > limit:
                found.append(f"{uid} -> {column}: {got:.4f} instead of {value}")
    return found


def _check_positive(played: _Played, want: list[int], _: _Context) -> list[str]:
    return [f"uid {uid} has none" for uid in want if played.terms.incentive[uid] == 0]


_CHECKS: dict[str, _Check] = {
    key: _check_figures(key)
    for key in (
        "consensus",
        "incentive",
        "dividends",
        "stake_weight",
        "validator_trust",
        "validator_permit",
        "server_emission",
        "validator_emission",
        "emission",
    )
} | {
    "groups": _check_groups,
    "bonds_cells": _check_cells,
    "bonds_rows": _check_rows,
    "dividends_f": _check_dividends_f,
    "bonds_f": _check_bonds_f,
    "incentive_positive": _check_positive,
}


def check_permits(case: Case) -> list[str]:
    """Return what differs from a case of two epochs that only look at permits."""
    source, size = case["input"], len(case["input"]["stake_first"])
    epoch = EpochInput(
        block=1,
        last_epoch_block=0,
        tempo=1,
        stake=source["stake_first"],
        active_block=[1] * size,
        commit_block=[1] * size,
        registered_block=[0] * size,
        permits=[False] * size,
        weights=build_rows(size, {}),
        bonds=build_rows(size, {}),
        hyper=YumaParams(
            kappa=32_767,
            stake_threshold=source["stake_threshold"],
            max_validators=source["max_allowed_validators"],
            activity_cutoff=5_000,
            bonds_moving_average=900_000,
            bonds_penalty=65_535,
            liquid_alpha=False,
            alpha_low=0,
            alpha_high=0,
            alpha_steepness=0,
        ),
    )
    first = run_epoch(epoch).permits_next
    second = run_epoch(replace(epoch, stake=source["stake_second"], permits=first)).permits_next
    got = {"first": first, "second": second}
    return [f"{key}: {got[key]}" for key in got if got[key] != case["expect"][key]]
