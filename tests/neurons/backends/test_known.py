"""Backends by name: found without importing them, and named on the chain by one hash."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from neurons.backends import builtin, known
from neurons.errors import InvalidBackend


def test_built_in_is_known_from_a_checkout() -> None:
    assert known.load_backend("builtin") is builtin.make_backend


def test_installed_backends_are_found_but_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("chatty", "no_such_package.door:make_backend", known.GROUP)

    def find(*, group: str) -> EntryPoints:
        return EntryPoints([point]).select(group=group)

    monkeypatch.setattr(known, "entry_points", find)
    assert known.find_backend("chatty") == point.value
    with pytest.raises(ModuleNotFoundError):
        known.load_backend("chatty")


@pytest.mark.parametrize("name", ["", "openai", "python", "Builtin"])
def test_a_name_nobody_has_is_answered_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidBackend, match="known are builtin"):
        known.find_backend(name)


def test_a_model_s_hash_is_of_its_backend_and_options_in_any_order() -> None:
    one = known.compute_model_hash("builtin", {"kind": "ngram", "order": 4})
    assert one == known.compute_model_hash("builtin", {"order": 4, "kind": "ngram"})
    others = [("builtin", {"kind": "ngram", "order": 5}), ("python:a:B", {"kind": "ngram"})]
    assert one not in {known.compute_model_hash(name, options) for name, options in others}
