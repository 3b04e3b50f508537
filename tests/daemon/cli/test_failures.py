from importlib import import_module
from pathlib import Path

import pytest

from config.errors import ConfigError, Problem
from consensus.errors import NeurondError
from daemon.cli.failures import FAMILIES, describe
from daemon.cli.output import CliError, Exit
from daemon.http.server import PortInUse
from p2p.errors import AddressInUse
from storage.errors import Corrupt, KeyMissing, Locked, WrongNetwork

PATH = Path("data")


@pytest.mark.parametrize(
    ("error", "exit_code", "code"),
    [
        (ConfigError((Problem("x:1", "k", "Bad.", "Mend."),)), Exit.USAGE, "bad_config"),
        (WrongNetwork(PATH, b"a", b"b"), Exit.USAGE, "wrong_network"),
        (Locked(PATH, "12"), Exit.DATA, "locked"),
        (Corrupt(PATH, "blocks", b"k", "cut"), Exit.DATA, "corrupt"),
        (KeyMissing(PATH), Exit.KEY, "key_missing"),
        (PortInUse("Taken.", "Free it."), Exit.PORT, "port_in_use"),
        (AddressInUse("/ip4/127.0.0.1/tcp/1", "taken"), Exit.PORT, "address_in_use"),
        (CliError(Exit.DECLINED, "declined", "No.", "Yes."), Exit.DECLINED, "declined"),
        (NeurondError("anything"), Exit.FAILED, "neurond_error"),
    ],
)
def test_each_family_of_errors_has_its_exit_code(error: Exception, exit_code: Exit, code: str):
    failure = describe(error)
    assert failure is not None
    assert (failure.exit_code, failure.code) == (exit_code, code)
    assert failure.message


def test_an_error_is_found_inside_the_groups_of_nurseries():
    group = ExceptionGroup("", [ExceptionGroup("", [Locked(PATH, "12")])])
    failure = describe(group)
    assert failure is not None
    assert failure.code == "locked"


def test_a_bug_is_no_failure_even_beside_one():
    assert describe(ValueError("bug")) is None
    assert describe(ExceptionGroup("", [Locked(PATH, "12"), ValueError("bug")])) is None


@pytest.mark.parametrize(("module", "name", "code"), FAMILIES)
def test_every_family_of_errors_exists_under_its_name(module: str, name: str, code: Exit):
    family = getattr(import_module(module), name)
    assert issubclass(family, Exception)
    assert code in Exit
