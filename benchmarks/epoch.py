"""How long one epoch step takes: the exact Yuma law on dense tables.

Every validator weighs every other neuron and holds bonds from an epoch before, so that no early
exit applies. `python -m benchmarks.epoch [--json]`.
"""

import numpy as np

from benchmarks.measure import Figure, is_json_wanted, median, report, time_cpu, time_runs
from consensus.params import Hyperparameters, Params
from consensus.quantities import U16, U16_MAX
from consensus.reward.emission import divide
from consensus.reward.epoch import EpochInput, YumaParams, select_params
from consensus.reward.rows import Rows
from consensus.reward.yuma import run_epoch

SHAPES = ((64, 1024), (256, 4096))
RUNS = 15


def main() -> None:
    """Measure each shape, with plain and with liquid bonds, and print the medians."""
    figures: dict[str, Figure] = {}
    for validators, neurons in SHAPES:
        for name, liquid in (("", False), ("_liquid", True)):
            epoch = build_epoch(validators, neurons, build_hyper(validators, liquid=liquid))

            def run(epoch: EpochInput = epoch) -> None:
                divide(run_epoch(epoch), 10**12, 10**12)

            shape = f"epoch_{validators}x{neurons}{name}"
            figures[f"{shape}_ms"] = median(time_runs(run, RUNS))
            figures[f"{shape}_cpu_ms"] = median(time_cpu(run, RUNS))
    report("epoch", figures, as_json=is_json_wanted())


def build_hyper(validators: int, *, liquid: bool) -> YumaParams:
    """Return a public subnet's numbers with room for `validators`."""
    hyper = Hyperparameters(max_uids=U16(4096), max_validators=U16(validators), liquid_alpha=liquid)
    return select_params(Params(), hyper)


def build_epoch(validators: int, neurons: int, hyper: YumaParams, seed: int = 1) -> EpochInput:
    """Return the second of two epochs: weights anew, bonds as the first one stored them."""
    first = _build_first(validators, neurons, hyper, np.random.default_rng(seed))
    again = _build_first(validators, neurons, hyper, np.random.default_rng(seed + 1))
    return EpochInput(
        block=740,
        last_epoch_block=380,
        tempo=first.tempo,
        stake=first.stake,
        active_block=first.active_block,
        commit_block=first.commit_block,
        registered_block=first.registered_block,
        permits=first.permits,
        weights=again.weights,
        bonds=run_epoch(first).bonds,
        hyper=hyper,
    )


def _build_first(
    validators: int, neurons: int, hyper: YumaParams, rng: np.random.Generator
) -> EpochInput:
    is_validator = [uid < validators for uid in range(neurons)]
    stake = rng.integers(10**12, 10**14, neurons).tolist()
    quality = rng.integers(1, 40_000, neurons, dtype=np.int64)
    noise = rng.integers(0, 20_000, (validators, neurons), dtype=np.int64)
    cells = np.minimum(quality + noise, U16_MAX)
    uids = tuple(range(validators))
    return EpochInput(
        block=380,
        last_epoch_block=0,
        tempo=360,
        stake=[s if v else 0 for s, v in zip(stake, is_validator, strict=True)],
        active_block=[370] * neurons,
        commit_block=[350] * neurons,
        registered_block=[1] * neurons,
        permits=is_validator,
        weights=Rows(uids, cells),
        bonds=Rows((), np.zeros((0, neurons), dtype=np.int64)),
        hyper=hyper,
    )


if __name__ == "__main__":
    main()
