"""An open store over real LMDB in a folder of the test's own."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from storage.store import Store, open_store
from tests.storage.samples import CHAIN_ID


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store, None]:
    async with open_store(tmp_path / "data", CHAIN_ID) as opened:
        yield opened
