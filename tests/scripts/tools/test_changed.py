"""What `scripts/test --changed` runs: the tests of what differs from main, found by their names."""

import subprocess
from pathlib import Path

import pytest

from scripts.tools import changed

FILES = {
    "consensus/ledger/mempool.py": "",
    "consensus/ledger/mempool_order.py": "",
    "consensus/ledger/fees.py": "",
    "consensus/ledger/keys.py": "",
    "consensus/calls/staking.py": "",
    "daemon/cli/tx/entries/staking.py": "",
    "tests/world.py": "",
    "tests/consensus/test_calls.py": "",
    "tests/consensus/test_codec.py": "",
    "tests/consensus/ledger/test_mempool.py": "from consensus.ledger import fees\n",
    "tests/consensus/ledger/test_mempool_full.py": "from tests import world\n",
    "tests/consensus/ledger/test_mempool_order.py": "import consensus.ledger.mempool_order\n",
    "tests/daemon/cli/test_tx.py": "",
    "tests/daemon/cli/test_tx_flow.py": "",
    "tests/daemon/cli/test_wallet.py": "",
    "tests/scripts/test_docs.py": "",
    "tests/test_vectors.py": "FILE = 'stake.json'\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository on a branch of its own, with nothing changed since `main`."""
    monkeypatch.setattr(changed, "ROOT", tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    _git(tmp_path, "init", "-q", "-b", "main")
    _commit(tmp_path)
    _git(tmp_path, "checkout", "-q", "-b", "branch")
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def _commit(folder: Path) -> None:
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "a change")


def _find(*names: str) -> list[str]:
    found = changed.find_tests(map(Path, names))
    return [str(path).removeprefix("tests/") for path in found]


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        # A source's own tests, and not those of one whose name goes on.
        (
            "consensus/ledger/mempool.py",
            ["consensus/ledger/test_mempool.py", "consensus/ledger/test_mempool_full.py"],
        ),
        ("consensus/ledger/mempool_order.py", ["consensus/ledger/test_mempool_order.py"]),
        # None of its own: the tests of its folder that import it, else all of them.
        ("consensus/ledger/fees.py", ["consensus/ledger/test_mempool.py"]),
        (
            "consensus/ledger/keys.py",
            [
                "consensus/ledger/test_mempool.py",
                "consensus/ledger/test_mempool_full.py",
                "consensus/ledger/test_mempool_order.py",
            ],
        ),
        # No folder of its own: the tests named after the folder it lies in.
        ("consensus/calls/staking.py", ["consensus/test_calls.py"]),
        (
            "daemon/cli/tx/entries/staking.py",
            ["daemon/cli/test_tx.py", "daemon/cli/test_tx_flow.py"],
        ),
        # What is no source.
        ("tests/daemon/cli/test_wallet.py", ["daemon/cli/test_wallet.py"]),
        ("tests/daemon/cli/test_deleted.py", []),
        ("tests/vectors/stake.json", ["test_vectors.py"]),
        ("docs/economy.md", ["scripts/test_docs.py"]),
    ],
)
def test_a_file_s_tests_are_found_by_its_name(tree: Path, name: str, tests: list[str]):
    assert _find(name) == tests


def test_a_helper_of_tests_runs_those_of_its_folder_that_use_it(tree: Path):
    (tree / "tests/consensus/ledger/play.py").touch()
    using = tree / "tests/consensus/ledger/test_mempool_full.py"
    using.write_text("from tests.consensus.ledger import play\n")
    assert _find("tests/consensus/ledger/play.py") == ["consensus/ledger/test_mempool_full.py"]


def test_changed_is_what_was_committed_here_edited_added_or_deleted(tree: Path):
    assert changed.list_changed() == []
    (tree / "consensus/ledger/mempool.py").write_text("committed")
    _commit(tree)
    (tree / "consensus/ledger/fees.py").write_text("edited")
    (tree / "consensus/ledger/new.py").write_text("unknown to git")
    (tree / "consensus/ledger/keys.py").unlink()
    names = [path.stem for path in changed.list_changed()]
    assert names == ["fees", "keys", "mempool", "new"]


def test_what_main_did_meanwhile_is_not_our_change(tree: Path):
    _git(tree, "checkout", "-q", "main")
    (tree / "consensus/ledger/keys.py").write_text("theirs")
    _commit(tree)
    _git(tree, "checkout", "-q", "branch")
    (tree / "consensus/ledger/fees.py").write_text("ours")
    assert changed.list_changed() == [Path("consensus/ledger/fees.py")]
