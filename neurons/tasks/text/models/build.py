"""From a spec to a model that serves: gather text, train, measure, keep the result for next time.

Training text and the text it is measured on are both renamed library sources, of different files
and different seeds. The pool of two models is log-linear, p ~ p1^a p2^b, with a and b chosen on
held-out text. A trained model is one file in the cache folder, named by its spec's hash, written
beside and moved into place, and read back with `weights_only` (a file can't run code); one that
can't be read is trained again.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch.save and torch.load are typed as Any; what is read back is checked when it is used.

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from neurons.backends.backend import ModelCard
from neurons.dice import Dice
from neurons.tasks.text import corpus
from neurons.tasks.text.models import ngram, transformer
from neurons.tasks.text.models.spec import ModelSpec, compute_orders, compute_spec_hash

HELD_OUT_BYTES = 60_000
"""Text kept apart to choose the pool and to measure on."""
HELD_OUT_PLACES = 512
PREFIX_BYTES = 256
PROBABILITY_MIN = 1e-7
POOL_PARTS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05)
"""Exponents tried for each member of a pool."""

Report = Callable[[str, float], None]
"""Called with a stage's name and the part of it that is done, 0..1."""


class BytePredictor(Protocol):
    """A trained model of text."""

    def predict(self, prefixes: Sequence[bytes]) -> NDArray[np.floating]:
        """Return the distribution of the byte after each prefix: (prefixes, 256)."""
        ...


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model ready to serve, and its card."""

    model: BytePredictor
    card: ModelCard


@dataclass(frozen=True, slots=True)
class BuildPlace:
    """Where a model is built and run; an empty `cache_dir` keeps nothing."""

    device: str = "auto"
    threads: int = 1
    """CPU threads of torch: nodes share a machine, and a batch of bytes gains little from more."""
    cache_dir: str = ""


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A transformer on its device."""

    module: transformer.ByteTransformer

    def predict(self, prefixes: Sequence[bytes]) -> NDArray[np.floating]:
        """Return the distribution of the byte after each prefix: (prefixes, 256)."""
        return transformer.predict(self.module, prefixes).numpy()


@dataclass(frozen=True, slots=True)
class ModelPool:
    """The log-linear pool of two models, with one exponent each."""

    members: tuple[BytePredictor, BytePredictor]
    parts: tuple[float, float]

    def predict(self, prefixes: Sequence[bytes]) -> NDArray[np.floating]:
        """Return the distribution of the byte after each prefix: (prefixes, 256)."""
        first, second = (member.predict(prefixes) for member in self.members)
        return _pool(_log(first), _log(second), self.parts)


def build(spec: ModelSpec, place: BuildPlace, report: Report) -> ServedModel:
    """Return the model of `spec`, from its cache file or trained now."""
    torch.set_num_threads(place.threads)
    device = choose_device(place.device)
    path = None
    if place.cache_dir:
        path = Path(place.cache_dir, f"{spec.model}-{compute_spec_hash(spec)}.pt")
        kept = _load(path, spec, device)
        if kept is not None:
            return kept
    began = time.monotonic()
    report("reading", 0.0)
    texts = gather_text(spec)
    model = _train(spec, texts, device, report)
    bits = measure(model, texts.measured)
    served = _serve(model, spec, device, (bits, time.monotonic() - began))
    if path is not None:
        _save(path, served)
    return served


def _serve(
    model: BytePredictor, spec: ModelSpec, device: torch.device, told: tuple[float, float]
) -> ServedModel:
    """Return `model` with its card; `told` is its bits per byte and how long it learned, s."""
    bits, train_s = told
    qualities = {"bits_per_byte": bits, "train_s": train_s}
    return ServedModel(model, ModelCard(spec.model, str(device), _count(model), qualities))


def choose_device(device: str) -> torch.device:
    """Return the device asked for; `auto` is CUDA when there is one.

    Raises:
        RuntimeError: `cuda` was asked for and there is none.
    """
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise RuntimeError("device = cuda, but torch sees no CUDA device")
    return torch.device("cuda" if device != "cpu" and found else "cpu")


# -- text -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Texts:
    """Renamed sources to learn from, choose a pool by and measure on; no file in two of them."""

    learned: bytes
    chosen: bytes
    measured: bytes


def gather_text(spec: ModelSpec) -> Texts:
    """Return text of files shuffled and renamed by the spec's seed."""
    dice = Dice(b"train" + spec.seed.to_bytes(8, "big"))
    files = iter(dice.shuffle(corpus.list_files()))

    def take(size: int) -> bytes:
        parts: list[bytes] = []
        while sum(map(len, parts)) < size and (path := next(files, None)) is not None:
            parts.append(corpus.rename(corpus.read_source(path), dice).encode())
        return b"".join(parts)[:size]

    chosen, measured = take(HELD_OUT_BYTES), take(HELD_OUT_BYTES)
    return Texts(take(spec.corpus_bytes), chosen, measured)


def cut_places(text: bytes) -> tuple[list[bytes], NDArray[np.intp]]:
    """Return evenly spread prefixes of `text` and the byte after each."""
    step = max(1, (len(text) - PREFIX_BYTES) // HELD_OUT_PLACES)
    places = range(PREFIX_BYTES, len(text), step)
    prefixes = [text[place - PREFIX_BYTES : place] for place in places]
    return prefixes, np.array([text[place] for place in places])


def measure(model: BytePredictor, text: bytes) -> float:
    """Return the model's mean log score on places of `text`, bits per byte."""
    prefixes, truth = cut_places(text)
    return _bits(_log(model.predict(prefixes)), truth)


# -- training -------------------------------------------------------------------------------------


def _train(spec: ModelSpec, texts: Texts, device: torch.device, report: Report) -> BytePredictor:
    if spec.model == "ngram":
        return ngram.train(texts.learned, compute_orders(spec.order))
    network = _train_network(spec, texts.learned, device, report)
    if spec.model == "transformer":
        return network
    counts = ngram.train(texts.learned, compute_orders(spec.order))
    prefixes, truth = cut_places(texts.chosen)
    logs = _log(counts.predict(prefixes)), _log(network.predict(prefixes))
    tried = [(first, second) for first in POOL_PARTS for second in POOL_PARTS]
    parts = min(tried, key=lambda parts: _bits(_log(_pool(*logs, parts)), truth))
    return ModelPool((counts, network), parts)


def _train_network(
    spec: ModelSpec, text: bytes, device: torch.device, report: Report
) -> TrainedNetwork:
    deadline = time.monotonic() + spec.train_s
    said = 0.0

    def on_step(step: int) -> None:
        nonlocal said
        left = max(0.0, deadline - time.monotonic()) / spec.train_s
        part = max(step / spec.steps, 1 - left)
        if part >= said:
            said = part + 0.02  # at most 50 reports
            report("training", part)

    course = transformer.Course(
        steps=spec.steps,
        batch=spec.batch,
        learning_rate=spec.learning_rate,
        seed=spec.seed,
        is_over=lambda: time.monotonic() > deadline,
        on_step=on_step,
    )
    return TrainedNetwork(transformer.train(_shape(spec), text, course, device))


def _shape(spec: ModelSpec) -> transformer.Shape:
    return transformer.Shape(spec.width, spec.layers, spec.heads, spec.context)


def _log(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.log(np.maximum(rows.astype(np.float64), PROBABILITY_MIN))


def _pool(
    first: NDArray[np.float64], second: NDArray[np.float64], parts: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the normalised pool (prefixes, 256) of two models' logs of the same shape."""
    mixed = parts[0] * first + parts[1] * second
    rows = np.exp(mixed - mixed.max(axis=1, keepdims=True))
    return rows / rows.sum(axis=1, keepdims=True)


def _bits(logs: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    return float(-logs[np.arange(len(truth)), truth].mean() / np.log(2))


def _count(model: BytePredictor) -> int:
    match model:
        case TrainedNetwork():
            return sum(weight.numel() for weight in model.module.parameters())
        case ModelPool():
            return sum(map(_count, model.members))
        case ngram.NGram():
            return sum(len(level.pairs) for level in model.levels)
        case _:
            return 0


# -- the cache file -------------------------------------------------------------------------------


def _save(path: Path, served: ServedModel) -> None:
    """Write a model and what it found of itself to `path` in one move."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    told = served.card.qualities
    plain = _to_plain(served.model) | {"bits": told["bits_per_byte"], "train_s": told["train_s"]}
    torch.save(plain, beside)
    beside.replace(path)


def _load(path: Path, spec: ModelSpec, device: torch.device) -> ServedModel | None:
    """Return the model kept at `path`; None when there is none that can be read."""
    try:
        plain = torch.load(path, map_location="cpu", weights_only=True)
        model = _from_plain(plain, spec, device)
        bits, spent = float(plain["bits"]), float(plain["train_s"])
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - torch names no one type for a file it can't read
        print(f"can't use {path}: {error!r}; training again")  # noqa: T201 - goes to the node's log
        return None
    served = _serve(model, spec, device, (bits, spent))
    return replace(served, card=replace(served.card, cached=True))


def _to_plain(model: BytePredictor) -> dict[str, object]:
    match model:
        case TrainedNetwork():
            return {"network": model.module.state_dict()}
        case ngram.NGram():
            levels = [
                (level.order, torch.from_numpy(level.pairs), torch.from_numpy(level.counts))
                for level in model.levels
            ]
            return {"levels": levels}
        case ModelPool():
            first, second = model.members
            return _to_plain(first) | _to_plain(second) | {"parts": list(model.parts)}
        case _:
            raise AssertionError(f"{type(model)} has no file form")


def _from_plain(plain: dict[str, object], spec: ModelSpec, device: torch.device) -> BytePredictor:
    members: list[BytePredictor] = []
    if spec.model != "transformer":
        levels: list[tuple[int, torch.Tensor, torch.Tensor]] = plain["levels"]  # type: ignore[assignment]
        members.append(
            ngram.NGram(
                tuple(
                    ngram.Level(order, pairs.numpy(), counts.numpy())
                    for order, pairs, counts in levels
                )
            )
        )
    if spec.model != "ngram":
        module = transformer.ByteTransformer(_shape(spec))
        module.load_state_dict(plain["network"])  # type: ignore[arg-type]
        members.append(TrainedNetwork(module.to(device).eval().requires_grad_(requires_grad=False)))
    if spec.model != "pooled":
        return members[0]
    first, second = plain["parts"]  # type: ignore[misc]
    return ModelPool((members[0], members[1]), (float(first), float(second)))  # type: ignore[arg-type]
