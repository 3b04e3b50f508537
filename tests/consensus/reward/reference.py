"""The epoch law once more, cell by cell in Python integers, written from the text of the law.

Slow and plain: what the fast implementation is held against where no vector reaches.
"""

from dataclasses import dataclass

from consensus.params import Q32
from consensus.reward.epoch import EpochInput
from consensus.reward.rows import get_cell

Table = list[list[int]]


@dataclass(frozen=True, slots=True)
class Expected:
    consensus: list[int]
    validator_trust: list[int]
    incentive: list[int]
    dividends: list[int]
    bonds: Table


def mul(a: int, b: int) -> int:
    return a * b // 2**32


def div(a: int, b: int) -> int:
    return a * 2**32 // b if b else 0


def share(values: list[int]) -> list[int]:
    return [div(value, sum(values)) for value in values]


def run(epoch: EpochInput) -> Expected:
    hyper, n = epoch.hyper, len(epoch.stake)
    everyone = range(n)
    stake = share([s if s >= hyper.stake_threshold else 0 for s in epoch.stake])
    act = share(
        [
            stake[i]
            if epoch.permits[i] and epoch.active_block[i] + hyper.activity_cutoff >= epoch.block
            else 0
            for i in everyone
        ]
    )
    w = [share([_weight(epoch, i, j) for j in everyone]) for i in everyone]
    c = [_consensus(w, act, j, div(hyper.kappa, 65_535)) for j in everyone]
    wc = [[min(w[i][j], c[j]) for j in everyone] for i in everyone]
    incentive = share([sum(mul(act[i], wc[i][j]) for i in everyone) for j in everyone])
    beta = div(hyper.bonds_penalty, 65_535)
    wb = [[w[i][j] + mul(beta, wc[i][j] - w[i][j]) for j in everyone] for i in everyone]
    e = [[_bond(epoch, (i, j), wb[i][j], c) for j in everyone] for i in everyone]
    total = [sum(e[i][j] for i in everyone) for j in everyone]
    t = [sum(mul(div(e[i][j], total[j]), incentive[j]) for j in everyone) for i in everyone]
    forfeits = epoch.forfeits
    return Expected(
        consensus=c,
        validator_trust=[sum(row) for row in wc],
        incentive=incentive,
        dividends=share([0 if i in forfeits else mul(t[i], act[i]) for i in everyone]),
        bonds=e,
    )


def _weight(epoch: EpochInput, i: int, j: int) -> int:
    counts = (
        epoch.permits[i]
        and i not in epoch.forfeits
        and i != j
        and epoch.commit_block[i] > epoch.registered_block[j]
    )
    return get_cell(epoch.weights, i, j) if counts else 0


def _consensus(w: Table, act: list[int], j: int, kappa: int) -> int:
    rows = [i for i, stake in enumerate(act) if stake > 0]
    if not rows:
        return 0
    shares = dict(zip(rows, share([act[i] for i in rows]), strict=True))
    levels = sorted({w[i][j] for i in rows})
    for level in levels:
        if sum(shares[i] for i in rows if w[i][j] <= level) > sum(shares.values()) - kappa:
            return level
    return levels[-1]


def _bond(epoch: EpochInput, pair: tuple[int, int], weight: int, c: list[int]) -> int:
    i, j = pair
    hyper = epoch.hyper
    last = epoch.last_epoch_block
    fresh = last + 1 if last else epoch.block - epoch.tempo
    old = 0 if epoch.registered_block[j] >= fresh else get_cell(epoch.bonds, i, j)
    rate = Q32 - div(hyper.bonds_moving_average, 10**6)
    if hyper.liquid_alpha and any(c):
        difference = min(max(weight - c[j] if weight >= old else old - weight, 0), Q32)
        low, high = div(hyper.alpha_low, 65_535), div(hyper.alpha_high, 65_535)
        exponent = -mul(hyper.alpha_steepness * Q32 // 100, difference - Q32 // 2)
        sigmoid = div(Q32, Q32 + _exp(exponent))
        rate = min(max(low + mul(sigmoid, high - low), low), high)
    return min(Q32, mul(Q32 - rate, old) + mul(rate, weight))


def _exp(x: int) -> int:
    size = abs(x)
    total, term = Q32 + size, size
    for k in range(2, 32):
        term = mul(term, size) // k
        total += term
    return total if x >= 0 else Q32 * Q32 // total
