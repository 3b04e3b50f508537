"""A small causal transformer over bytes: pre-norm blocks, learned positions, tied output.

A prefix's last `context` bytes go in at positions 0 upwards; shorter ones are padded on the right,
where a causal model never looks, and the answer is read at the last real position. Training windows
start anywhere in the text, so position 0 means "somewhere", as it does when serving.

float32 on a CPU; bf16 autocast on CUDA. Deterministic on one machine for one seed and step count.

Source: Radford et al. 2019 (GPT-2), without biases; Press & Wolf 2017 for the tied output.
"""

# pyright: reportUnknownMemberType=false
# torch leaves arguments of backward, step and manual_seed untyped.

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SYMBOLS = 256
GRADIENT_NORM_MAX = 1.0
WARMUP_PART = 0.1
"""Part of the schedule in which the learning rate rises; then it falls along a cosine."""
FLOOR_PART = 0.1
"""Part of the learning rate it falls to."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of one transformer."""

    width: int
    layers: int
    heads: int
    context: int


class Layer(nn.Module):
    """Attention and a feed-forward layer, each added to what came in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.heads = shape.heads
        self.before_attention = nn.LayerNorm(width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.before_forward = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return x (batch, tokens, width) after one block; the same shape."""
        batch, tokens, width = x.shape
        mixed = self.mix(self.before_attention(x))  # (batch, tokens, 3 * width)
        split = mixed.view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(
            2, 0, 3, 1, 4
        )  # each (batch, heads, tokens, width / heads)
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.down(functional.gelu(self.up(self.before_forward(x))))


class ByteTransformer(nn.Module):
    """Bytes in, logits of each next byte out."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.bytes = nn.Embedding(SYMBOLS, shape.width)
        self.places = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.apply(_init)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (batch, tokens, 256) for tokens (batch, tokens) of int64."""
        return functional.linear(self.encode(tokens), self.bytes.weight)  # (batch, tokens, 256)

    def encode(self, tokens: Tensor) -> Tensor:
        """Return the last layer (batch, tokens, width) for tokens (batch, tokens)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)  # (tokens,)
        x = self.bytes(tokens) + self.places(places)  # (batch, tokens, width)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """Return the precision to run in: bf16 on CUDA, float32 elsewhere."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda")  # type: ignore[return-value]


def predict(model: ByteTransformer, prefixes: Sequence[bytes]) -> Tensor:
    """Return float32 probabilities (prefixes, 256) on the CPU; one padded batch, no gradients."""
    device = model.bytes.weight.device
    context = model.shape.context
    tails = [prefix[-context:] for prefix in prefixes]
    longest = max(map(len, tails))
    padded = b"".join(tail.ljust(longest, b"\0") for tail in tails)
    tokens = torch.frombuffer(bytearray(padded), dtype=torch.uint8).view(len(tails), longest)
    last = torch.tensor([len(tail) - 1 for tail in tails])  # (prefixes,)
    if device.type == "cuda":  # pinned memory lets the copy run while the CPU goes on
        tokens, last = tokens.pin_memory(), last.pin_memory()
    tokens = tokens.to(device, non_blocking=True).long()  # (prefixes, tokens)
    last = last.to(device, non_blocking=True)
    with torch.inference_mode(), autocast(device):
        x = model.encode(tokens)  # (prefixes, tokens, width)
        x = x[torch.arange(len(tails), device=device), last]  # (prefixes, width)
        logits = functional.linear(x, model.bytes.weight).float()  # (prefixes, 256)
        return torch.softmax(logits, dim=-1).cpu()


@dataclass(frozen=True, slots=True)
class Course:
    """How to train: at most `steps` of `batch` windows, stopped early when `is_over()` says so."""

    steps: int
    batch: int
    learning_rate: float
    seed: int
    is_over: Callable[[], bool]
    on_step: Callable[[int], None]


def train(shape: Shape, text: bytes, course: Course, device: torch.device) -> ByteTransformer:
    """Train a fresh model on `text`, which is longer than `shape.context`, and return it to serve.

    Windows and first weights come from `course.seed` alone, drawn on the CPU.
    """
    torch.manual_seed(course.seed)
    dice = torch.Generator().manual_seed(course.seed)
    model = ByteTransformer(shape).to(device).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=course.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    data = data.unfold(0, shape.context + 1, 1)  # (windows, context + 1), a view
    for step in range(course.steps):
        if course.is_over():
            break
        for group in optimizer.param_groups:
            group["lr"] = course.learning_rate * compute_rate(step, course.steps)
        chosen = torch.randint(len(data), (course.batch,), generator=dice)
        windows = data[chosen].long().to(device)  # (batch, context + 1)
        with autocast(device):
            logits = model(windows[:, :-1])  # (batch, context, 256)
        loss = functional.cross_entropy(
            logits.float().reshape(-1, SYMBOLS), windows[:, 1:].reshape(-1)
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM_MAX)
        optimizer.step()
        course.on_step(step + 1)
    return model.eval().requires_grad_(requires_grad=False)


def compute_rate(step: int, steps: int) -> float:
    """Return the part of the learning rate used at `step`: a linear rise, then a cosine fall."""
    warmup = max(1, int(steps * WARMUP_PART))
    if step < warmup:
        return (step + 1) / warmup
    done = torch.tensor((step - warmup) / max(1, steps - warmup))
    return FLOOR_PART + (1 - FLOOR_PART) * 0.5 * float(1 + torch.cos(done * torch.pi))
