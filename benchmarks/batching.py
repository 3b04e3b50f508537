"""What dynamic batching gains: 32 queries at once through a real worker, one by one and together.

A transformer (untrained: its arithmetic is the same) serves in its own process on `--device`; 32
clients each ask one prefix after another. First with batches of one prefix, then with batches of up
to 32. Round trips include the pipe, the task's codec and the runtime. `--shape` is width x layers x
context.
"""

import argparse
import functools
from statistics import median

import trio

from benchmarks.measure import Figure, percentile, report
from neurons.catalog import open_task
from neurons.tasks.text.task import encode_query
from neurons.worker.frames import WorkerSpec
from neurons.worker.process import RuntimeSettings
from neurons.worker.runtime import Runtime, open_runtime

CLIENTS = 32
PREFIX = b"    def read_source(self, path: Path) -> bytes:\n        return self.readers[path].r"
QUERY = encode_query([PREFIX])
RUNS = 5


def main() -> None:
    """Measure, and print for people or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batching", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shape", default="64x2x64", help="width x layers x context")
    parser.add_argument("--queries", type=int, default=256, help="queries per run")
    given = parser.parse_args()
    width, layers, context = map(int, given.shape.split("x"))
    options = {
        "kind": "transformer",
        "train_steps": 1,
        "width": width,
        "layers": layers,
        "context": context,
        "corpus_bytes": 100_000,
    }
    worker = WorkerSpec(
        backend="builtin",
        task="text",
        answer_bytes_max=open_task("text").answer_bytes_max,
        device=given.device,
        threads=given.threads,
        options=options,
    )
    figures = trio.run(functools.partial(measure, worker, given.queries))
    report("batching", {"shape": given.shape, **figures}, as_json=given.json)


async def measure(worker: WorkerSpec, queries: int) -> dict[str, Figure]:
    """Return throughput and latency with batches of one and of up to 32, and their ratio."""
    figures: dict[str, Figure] = {"clients": CLIENTS, "queries_per_run": queries}
    rates: dict[int, float] = {}
    for batch_max in (1, CLIENTS):
        settings = RuntimeSettings(worker, batch_max=batch_max, batch_wait_ms=2.0)
        async with open_runtime(settings, _say_nothing) as runtime:
            await runtime.wait_ready()
            assert runtime.state.card is not None
            figures["device"] = runtime.state.card.device
            figures["parameters"] = runtime.state.card.parameters
            await _run(runtime, queries)  # warm
            runs = [await _run(runtime, queries) for _ in range(RUNS)]
        rates[batch_max] = median(rate for rate, _ in runs)
        times = [time for _, times in runs for time in times]
        figures[f"batch_{batch_max}_queries_per_s"] = round(rates[batch_max], 1)
        figures[f"batch_{batch_max}_p50_ms"] = percentile(times, 50)
        figures[f"batch_{batch_max}_p99_ms"] = percentile(times, 99)
    figures["gain"] = round(rates[CLIENTS] / rates[1], 2)
    return figures


async def _run(runtime: Runtime, queries: int) -> tuple[float, list[float]]:
    """Return queries per second and each query's ms, `CLIENTS` of them in flight."""
    times: list[float] = []

    async def client(count: int) -> None:
        for _ in range(count):
            began = trio.current_time()
            await runtime.infer(QUERY, 1)
            times.append((trio.current_time() - began) * 1_000)

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(CLIENTS):
            nursery.start_soon(client, max(1, queries // CLIENTS))
    return len(times) / (trio.current_time() - start), times


def _say_nothing(event: str, /, **fields: object) -> None:
    """Drop a log line; a benchmark's output is its figures."""


if __name__ == "__main__":
    main()
