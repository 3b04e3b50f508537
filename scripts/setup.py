"""Make the checkout's virtual environment, or see at once that it is up to date.

Runs on a bare Python >= 3.11, before anything is installed: standard library only, and no import of
our own rooms. `.venv/neurond.stamp` holds a hash of what the environment was made from and is
written last, so a present and equal stamp means a whole environment: then nothing is asked of the
network. An install that was cut leaves `.venv/neurond.installing`, and the next start begins anew.
A lock file beside `.venv` makes concurrent starts wait for each other.

Traps this closes: `trio-typing`, which libp2p needs, ships a `trio-stubs` folder that hides trio's
own types from the type checker; it is removed. Console scripts break when a checkout moves, so our
scripts run modules (`python -m`) only.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "neurond.stamp"
INSTALLING = ENVIRONMENT / "neurond.installing"
LAYOUT = "1"
"""Raise it when this file comes to build a different environment from the same inputs."""


class SetupError(Exception):
    """The environment could not be made; the message says what to do."""


def main() -> int:
    """Bring `.venv` up to date and return the exit code: 0, or 1 with the reason on stderr."""
    if _is_current():
        return 0
    try:
        with _locked():
            if not _is_current():
                _install()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: stopped; the next start begins the installation anew.", file=sys.stderr)
        return 130
    return 0


def _is_current() -> bool:
    return (
        STAMP.is_file()
        and not INSTALLING.exists()
        and STAMP.read_text() == _compute_stamp()
        and _is_alive()
    )


def _is_alive() -> bool:
    """Tell whether the environment's Python still starts and is new enough for us."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-I", "-c", check], check=False).returncode == 0
    except OSError:
        return False


def _compute_stamp() -> str:
    """Hash what decides the contents: our requirements, the pins, and this file's layout."""
    parts = [LAYOUT, *_requirements(), (ROOT / "constraints.txt").read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest() + "\n"


def _requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


@contextmanager
def _locked() -> Generator[None]:
    """Hold the checkout's setup lock; the kernel drops it when a holder dies."""
    with (ROOT / ".setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: another start is installing; waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install() -> None:
    if INSTALLING.exists() or not _is_alive():
        print(f"setup: making {ENVIRONMENT} with Python {sys.version.split()[0]}", file=sys.stderr)
        _make_environment()
    STAMP.unlink(missing_ok=True)
    INSTALLING.touch()
    print("setup: installing dependencies (minutes at the first start)", file=sys.stderr)
    pins = str(ROOT / "constraints.txt")
    _run("-m", "pip", "install", "--quiet", "--constraint", pins, *_requirements())
    for stubs in ENVIRONMENT.glob("lib/python*/site-packages/trio-stubs"):
        shutil.rmtree(stubs)
    STAMP.write_text(_compute_stamp())
    INSTALLING.unlink()


def _make_environment() -> None:
    try:
        venv.create(ENVIRONMENT, clear=True, symlinks=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"{error}. Python's venv module must work and {ROOT} must be writable "
            "(Debian and Ubuntu: apt install python3-venv)."
        ) from error


def _run(*arguments: str) -> None:
    """Run the environment's Python; its own messages go to the terminal."""
    # The checkout's folder must not be on the path: our `config` and `storage` are generic names.
    done = subprocess.run([PYTHON, "-P", *arguments], check=False, cwd=ENVIRONMENT)
    if done.returncode != 0:
        raise SetupError(
            f"pip ended with code {done.returncode}; its message stands above. "
            "The first start needs a package index; pip.conf and PIP_* variables count."
        )


if __name__ == "__main__":
    sys.exit(main())
