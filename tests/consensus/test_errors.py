"""Error codes are law: each is used once, and each says what to do."""

from consensus import errors
from consensus.errors import CallError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, CallError) and kind is not CallError
]


def test_every_call_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in KINDS]
    assert sorted(codes) == list(range(2, 2 + len(KINDS)))


def test_every_call_error_has_a_remedy_of_its_own() -> None:
    assert len({kind.remedy for kind in KINDS}) == len(KINDS)
    assert all(kind.__doc__ for kind in KINDS)
