import os
import random
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from storage import check
from storage.boot import check_folder, lock_folder, verify_folder
from storage.errors import Corrupt, StorageFailed
from storage.store import open_store
from tests.storage.samples import (
    CHAIN_ID,
    flip_bit,
    make_certificate,
    make_chain,
    make_final,
    make_vote,
)
from tests.storage.writing_process import ROOT

PAGE = 4096
NOBODY = 65_534


async def fill(folder: Path) -> None:
    """Write some hundred kilobytes of every kind into a data folder."""
    async with open_store(folder, CHAIN_ID) as store:
        for block in make_chain(5):
            height = block.header.height
            changes: dict[bytes, bytes | None] = {
                bytes([height, n]): bytes([n]) * 700 for n in range(100)
            }
            certificate = make_certificate(block) if height else None
            await store.finalize([make_final(block, changes, {b"": bytes(500)})], certificate)
            await store.journal.append([make_vote(height + 1)])
        await store.peers.save({b"peer": b"address"})


async def read_all(folder: Path) -> list[object]:
    async with open_store(folder, CHAIN_ID) as store:
        state = list(store.states.reader(5).scan(b""))
        old = list(store.states.reader(2).scan(b""))
        blocks = [store.blocks.block_at(height) for height in range(6)]
        return [state, old, blocks, store.journal.load(), await store.peers.load()]


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    await fill(tmp_path / "data")
    return tmp_path / "data"


def overwrite(file: Path, place: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(data)


@pytest.mark.parametrize("name", ["chain", "sign"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
async def test_a_cut_file_is_refused_and_kills_nobody(folder: Path, name: str, kept: float):
    file = folder / name / "data.mdb"
    os.truncate(file, int(file.stat().st_size * kept) // PAGE * PAGE)
    with pytest.raises(Corrupt) as caught:
        async with open_store(folder, CHAIN_ID):
            pass
    assert caught.value.path.name == name
    assert "away" in caught.value.remedy


@pytest.mark.parametrize("garbage", [bytes(PAGE * 2), b"#!/bin/sh\n" * 1000])
async def test_a_file_that_lmdb_did_not_write_is_refused(folder: Path, garbage: bytes):
    overwrite(folder / "chain" / "data.mdb", 0, garbage)
    with pytest.raises(Corrupt):
        async with open_store(folder, CHAIN_ID):
            pass


async def test_a_flipped_bit_in_any_row_is_found_at_the_next_start(folder: Path):
    async with open_store(folder, CHAIN_ID) as store:
        flip_bit(store.databases[0], "headers", store.blocks.digest_at(3) or b"")
    with pytest.raises(Corrupt, match="table headers") as caught:
        async with open_store(folder, CHAIN_ID):
            pass
    assert caught.value.table == "headers"
    with pytest.raises(Corrupt):
        await verify_folder(folder / "chain")


async def test_a_large_environment_is_sampled_and_its_newest_blocks_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(check, "SMALL_BYTES", 0)
    check.check_environment(folder / "chain", "quick")
    async with open_store(folder, CHAIN_ID) as store:
        flip_bit(store.databases[0], "bodies", store.blocks.digest_at(5) or b"")
    with pytest.raises(Corrupt, match="table bodies"):
        check.check_environment(folder / "chain", "quick")


async def test_what_is_whole_passes_both_checks(folder: Path):
    for name in ("chain", "sign", "missing"):
        await check_folder(folder / name)
        await verify_folder(folder / name)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
async def test_damage_anywhere_is_found_or_does_not_matter(folder: Path, seed: int):
    dice = random.Random(seed)
    whole = await read_all(folder)
    file = folder / dice.choice(["chain", "chain", "sign"]) / "data.mdb"
    size = file.stat().st_size
    if seed % 2:
        place = dice.randrange(size)
        overwrite(file, place, bytes([file.read_bytes()[place] ^ 1 << dice.randrange(8)]))
    else:
        overwrite(file, dice.randrange(size // PAGE) * PAGE, bytes(PAGE))
    try:
        await verify_folder(file.parent)
    except Corrupt:
        return
    assert await read_all(folder) == whole


async def test_an_empty_file_left_by_a_crash_at_the_very_start_is_filled(tmp_path: Path):
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "data.mdb").touch()
    async with open_store(tmp_path, CHAIN_ID) as store:
        assert store.blocks.head() is None


async def test_a_check_that_is_killed_from_outside_is_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    killer = folder / "killer"
    killer.write_text("#!/bin/sh\nkill -9 $$\n")
    killer.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(killer))
    with pytest.raises(StorageFailed, match="-9"):
        await check_folder(folder / "chain")


@contextmanager
def as_nobody() -> Generator[None, None, None]:
    """Drop the rights of root, who may write anywhere, for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_that_may_not_be_written_is_refused_with_a_remedy(tmp_path: Path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with as_nobody(), pytest.raises(StorageFailed, match="may write"), lock_folder(locked):
        pass


async def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("text")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(StorageFailed):
            async with open_store(folder, CHAIN_ID):
                pass


async def test_the_lock_of_a_killed_daemon_is_free(tmp_path: Path):
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from storage.boot import lock_folder\n"
        "with lock_folder(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = await trio.run_process(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False
    )
    assert child.returncode == -9
    with lock_folder(tmp_path):
        pass


@pytest.mark.slow
def test_a_full_disk_is_a_typed_error_and_nothing_is_lost(tmp_path: Path):
    if shutil.which("unshare") is None:
        pytest.skip("no unshare to mount a small disk with")
    command = (
        'mount -t tmpfs -o size=4m none "$1" || exit 77; '
        'head -c 1000000 /dev/zero > "$1/ballast"; '
        'exec "$2" -m tests.storage.writing_process "$1" fill'
    )
    child = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", str(tmp_path), sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode in (1, 77) and "final 0" not in child.stdout:
        pytest.skip("this system lets nobody mount a small disk")
    assert child.returncode == 0, child.stderr
    *_, error, vote, final, end = child.stdout.splitlines()
    assert error.startswith("StorageFull: ")
    assert "Free some space" in error
    assert vote.split()[0] == "vote"
    assert final.split()[0] == "final"
    assert end == "went on"
