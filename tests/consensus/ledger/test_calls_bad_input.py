"""Every call with every bad input its fields have room for: one table, and no row may be missing.

The table names, for each call, how each bad value of each field is answered, and each wrong signer.
A new call has to bring its row. What is particular to one call (a voucher used twice, a frozen
window, a row of weights) is tested beside that call's rule.
"""

from dataclasses import replace
from typing import get_type_hints

import pytest

from consensus import codec
from consensus.calls.governance import Declare, Propose
from consensus.calls.payments import RedeemVoucher
from consensus.calls.staking import (
    StakeRoot,
)
from consensus.errors import DecodeError, InvalidBlock
from consensus.ledger.fees import ENCODING_BYTES_MAX
from consensus.ledger.state import Draft
from consensus.ledger.subnet.records import get_subnet, put_subnet
from consensus.quantities import (
    Height,
    LongText,
    NetUid,
    Signature,
)
from consensus.refusals import (
    HotkeyRefused,
    SubnetClosed,
)
from tests.builders import (
    apply,
    make_transaction,
    sign_as,
)
from tests.consensus.ledger.bad_rows import CASES, VOUCHER
from tests.consensus.ledger.bad_values import BAD, COIN, HOT0, STATE, Case, answer, spoil
from tests.house.calls import find_rules

RULES = find_rules()
DONE = tuple(case for case in CASES if type(case.call).__name__ in RULES)
"""The cases whose rule is there."""


def _name(case: object) -> str:
    return type(case.call).__name__ if isinstance(case, Case) else ""


# -- the table ------------------------------------------------------------------------------------


def test_every_call_has_its_row_and_every_field_its_answers() -> None:
    assert set(RULES) <= {_name(case) for case in CASES}
    for case in CASES:
        hints = get_type_hints(type(case.call))
        wanted = {name for name, kind in hints.items() if kind in BAD}
        assert set(case.answers) == wanted, _name(case)


@pytest.mark.parametrize("case", DONE, ids=_name)
def test_a_call_is_answered_as_the_table_says(case: Case) -> None:
    assert answer(STATE, case.signer, case.call) is None
    hints = get_type_hints(type(case.call))
    for name, answers in case.answers.items():
        tried = BAD[hints[name]]
        found = [answer(STATE, case.signer, replace(case.call, **{name: bad})) for bad in tried]
        assert tuple(found) == answers, name


@pytest.mark.parametrize("case", DONE, ids=_name)
def test_a_call_of_the_wrong_key_is_refused(case: Case) -> None:
    found = {name: answer(STATE, name, case.call) for name in case.signers}
    assert found == case.signers


@pytest.mark.parametrize("case", [c for c in DONE if hasattr(c.call, "consent")], ids=_name)
def test_a_call_whose_consent_is_missing_or_forged_is_refused(case: Case) -> None:
    for consent in ((), (Signature(bytes(64)),), (sign_as("bob", b"anything"),)):
        call = replace(case.call, consent=consent)
        assert answer(STATE, case.signer, call) is HotkeyRefused


@pytest.mark.parametrize("case", [c for c in DONE if hasattr(c.call, "netuid")], ids=_name)
def test_no_call_reaches_into_a_closed_subnet(case: Case) -> None:
    draft = Draft(STATE)
    netuid: NetUid = getattr(case.call, "netuid")  # noqa: B009 - not every call has one
    put_subnet(draft, netuid, replace(get_subnet(draft, netuid), is_closed=True))
    closed = draft.freeze()
    assert answer(closed, case.signer, case.call) is SubnetClosed


@pytest.mark.parametrize("case", DONE, ids=_name)
def test_a_call_that_was_done_is_not_done_again_by_the_same_words(case: Case) -> None:
    signed = make_transaction(STATE, case.signer, case.call)
    applied = apply(STATE, signed)
    assert applied.receipts[0].code == 0
    with pytest.raises(InvalidBlock, match="nonce"):
        apply(applied.state, signed)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_what_is_out_of_its_type_s_bounds_is_never_read(case: Case) -> None:
    good = make_transaction(STATE, case.signer, case.call)
    kind = type(good)
    assert codec.decode(kind, codec.encode(good), ENCODING_BYTES_MAX) == good
    for call in spoil(case.call):
        bad = replace(good, transaction=replace(good.transaction, call=call))
        with pytest.raises(DecodeError):
            codec.decode(kind, codec.encode(bad), ENCODING_BYTES_MAX)


def test_a_spoilt_call_has_a_spoilt_part_for_each_bound() -> None:
    assert [call.amount for call in spoil(StakeRoot(HOT0, COIN))][-2:] == [-1, 2**64]
    assert len(list(spoil(RedeemVoucher(VOUCHER)))) == 8
    assert len(list(spoil(Propose(Declare(LongText("x")), Height(9))))) == 3
