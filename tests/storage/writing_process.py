"""A process that writes without end and says what it was promised; tests kill it or fill its disk.

`python -m tests.storage.writing_process FOLDER kill`: continue the chain in FOLDER; after every
durable vote print `vote VIEW`, after every final block `final HEIGHT`.
`python -m tests.storage.writing_process FOLDER fill`: write until the disk is full, print the
error, remove the file FOLDER/ballast, write on, print `went on`.
"""

import sys
from dataclasses import replace
from pathlib import Path

import trio

from consensus.types import Block
from storage.errors import StorageError
from storage.schema import be64
from storage.store import Store, open_store
from tests.storage.samples import (
    CHAIN_ID,
    digest_of,
    make_block,
    make_certificate,
    make_final,
    make_vote,
)

ROOT = Path(__file__).resolve().parents[2]
PER_BLOCK = 20


def make_next(store: Store) -> Block:
    head = store.blocks.head()
    return make_block(0) if head is None else make_block(head.height + 1, head.digest)


async def step(store: Store, size: int = 8) -> int:
    """Vote for one block and finalise it; block h writes h under each of `PER_BLOCK` keys."""
    block = make_next(store)
    height = block.header.height
    if height:
        vote = replace(make_vote(height), digest=digest_of(block))
        await store.persist(votes=[vote], blocks=[block])
        say(f"vote {height}")
    value = be64(height).rjust(size, b"\0")
    changes: dict[bytes, bytes | None] = {bytes([n]): value for n in range(PER_BLOCK)}
    certificate = make_certificate(block) if height else None
    await store.finalize([make_final(block, changes, {b"": be64(height)})], certificate)
    say(f"final {height}")
    return height


async def write_forever(folder: Path) -> None:
    async with open_store(folder, CHAIN_ID) as store:
        while True:
            await step(store)


async def write_until_full(folder: Path) -> None:
    async with open_store(folder / "data", CHAIN_ID) as store:
        height = -1
        try:
            while True:
                height = await step(store, size=10_000)
        except StorageError as error:
            say(f"{type(error).__name__}: {error}")
        head = store.blocks.head()
        assert head is not None
        assert head.height == height, "the failed block left a trace"
        assert store.states.reader(height).get(b"\0") == be64(height).rjust(10_000, b"\0")
        (folder / "ballast").unlink()
        await step(store, size=10_000)
        say("went on")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_promises(lines: list[str]) -> tuple[int, int]:
    """Return the highest vote and the highest final height promised in whole `lines`, or -1."""
    highest = {"vote": -1, "final": -1}
    for line in lines:
        word, number = line.split()
        highest[word] = int(number)
    return highest["vote"], highest["final"]


if __name__ == "__main__":
    work = {"kill": write_forever, "fill": write_until_full}[sys.argv[2]]
    trio.run(work, Path(sys.argv[1]))
