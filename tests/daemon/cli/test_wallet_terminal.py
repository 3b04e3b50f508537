"""`neurond wallet` at a real terminal: what it asks, what it shows, what it hides."""

import os
import re
import select
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from daemon.cli.output import Exit

ROOT = Path(__file__).parents[3]
SILENCE_S = 60.0
"""Nobody waits longer for a prompt, whatever else the machine does."""
pytestmark = pytest.mark.slow  # real processes, and passwords stretched at full cost


class Terminal:
    """Runs `neurond wallet` with a pseudo-terminal and types answers to what it asks."""

    def __init__(self, home: Path) -> None:
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("NEUROND_")
        }
        self.environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "dumb"}
        self.home = home

    def play(self, *arguments: str, answers: tuple[tuple[str, str], ...] = ()) -> tuple[int, str]:
        """Return exit code and all that was shown; each answer waits for its question."""
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "wallet", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=self.home,
            env=self.environment,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            shown = self._converse(ours, list(answers))
            return process.wait(SILENCE_S), shown
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def _converse(self, terminal: int, answers: list[tuple[str, str]]) -> str:
        shown, seen = "", 0
        while True:
            if not select.select([terminal], [], [], SILENCE_S)[0]:
                raise AssertionError(f"it waits for something: {shown}")
            try:
                read = os.read(terminal, 65_536).decode()
            except OSError:  # how a pseudo-terminal says that its other end is closed
                return shown
            if not read:
                return shown
            shown += read
            if answers and answers[0][0] in shown[seen:]:
                question, answer = answers.pop(0)
                seen = len(shown)
                if "word" in question or "again" in question:
                    wait_for_hidden(terminal)
                os.write(terminal, answer.encode() + b"\n")


def wait_for_hidden(terminal: int) -> None:
    """Return when typing is no longer shown: what is typed before that is thrown away."""
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        select.select([], [], [], 0.01)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_words_are_shown_once_numbered_and_the_password_never(terminal: Terminal):
    answers = (("Password for", "correct horse"), ("again", "correct horse"))
    code, shown = terminal.play("create", "alice", answers=answers)
    assert code == Exit.OK, shown
    assert "correct horse" not in shown
    words = [word for _, word in re.findall(r"(\d+) ([a-z]+)", shown)]
    assert len(words) == 12
    assert "not shown again" in shown

    wrong = (("[y/N]", "y"), ("Password of alice", "wrong"), ("Password of alice", "correct horse"))
    code, shown = terminal.play("export", "alice", answers=wrong)
    assert code == Exit.OK, shown
    assert "does not open it" in shown
    assert [word for _, word in re.findall(r"(\d+) ([a-z]+)", shown)] == words


def test_no_is_an_answer_and_changes_nothing(terminal: Terminal):
    differing = (("Password for", "one"), ("again", "two"))
    code, shown = terminal.play("create", "alice", answers=differing)
    assert (code, "differ" in shown) == (Exit.KEY, True)
    secret = (("seed in hex", "11" * 32), ("Password for", "one"), ("again", "one"))
    code, shown = terminal.play("import", "alice", answers=secret)
    assert code == Exit.OK, shown
    code, shown = terminal.play("remove", "alice", answers=(("[y/N]", "n"),))
    assert code == Exit.DECLINED
    assert "alice" in terminal.play("list")[1]
