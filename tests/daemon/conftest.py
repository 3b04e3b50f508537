"""What several tests of the daemon share: a wallet in a temporary home, with real files."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.cli.app import main
from daemon.cli.output import Exit
from storage.keys.keyfile import KdfCost

CHEAP = KdfCost(1, 16_384)
"""A real key's path at a toy's cost: a password's stretching would take most of a second."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """Runs `neurond wallet` in a home of its own, without a terminal."""

    home: Path
    password: Path
    read: Callable[[], tuple[str, str]]

    @property
    def keys(self) -> Path:
        return self.home / ".neurond" / "keys"

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr."""
        code = main(("wallet", *arguments))
        out, err = self.read()
        return code, out, err

    def ask(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the one JSON document of a verb that succeeds."""
        code, out, err = self.run(*arguments, "--json")
        assert code == Exit.OK, out + err
        return json.loads(out)

    def fail(self, *arguments: str) -> tuple[int, str]:
        """Return exit code and error code of a verb that fails, and has a message and a remedy."""
        code, out, _ = self.run(*arguments, "--json")
        error = json.loads(out)["error"]
        assert error["message"]
        assert error["remedy"]
        return code, error["code"]

    def create(self, name: str = "alice", *more: str) -> Any:  # noqa: ANN401 - JSON is anything
        return self.ask("create", name, "--yes", *more)

    def names(self) -> list[str]:
        return [key["name"] for key in self.ask("list")["keys"]]


@pytest.fixture
def wallet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Wallet:
    """Return a wallet whose password is in a file named by the environment."""
    for name in list(os.environ):
        if name.startswith("NEUROND_"):
            monkeypatch.delenv(name)
    home, password = tmp_path / "home", tmp_path / "password"
    home.mkdir()
    password.write_text("correct horse\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NEUROND_PASSWORD_FILE", str(password))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("storage.keys.keystore.MODERATE", CHEAP)

    def read() -> tuple[str, str]:
        return capsys.readouterr()

    return Wallet(home, password, read)
