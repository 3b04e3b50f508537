"""`python:package.module:Class`: checked in the daemon, imported in the worker."""

import pytest

from neurons.backends import python
from neurons.backends.known import find_backend
from neurons.errors import InvalidBackend


def test_a_class_is_found_by_its_path() -> None:
    assert find_backend("python:pathlib:Path") == "pathlib:Path"
    assert python.load_class("concurrent.futures:Future").__name__ == "Future"


@pytest.mark.parametrize(
    "path", ["", "pathlib", "pathlib:", ":Path", "path lib:Path", "a..b:C", "a:B:C", "a:B.c"]
)
def test_what_is_no_path_to_a_class_is_refused_without_importing(path: str) -> None:
    with pytest.raises(InvalidBackend, match=r"package\.module:Class"):
        find_backend(f"python:{path}")


@pytest.mark.parametrize("path", ["pathlib:NoSuchClass", "math:pi"])
def test_what_is_no_class_is_named(path: str) -> None:
    with pytest.raises(InvalidBackend, match="has no class"):
        python.load_class(path)
