"""Texts that people are shown: everything they could type, nothing that hides or reorders."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.ledger.texts import check_printable
from consensus.refusals import NotPrintable


@pytest.mark.parametrize(
    "text", ["", "Subnet 1: text", "~ !", "größer", "日本語", "العربية", "🜁 🚀", "e\u0301"]
)
def test_what_people_write_is_fine(text: str) -> None:
    check_printable(text)


@pytest.mark.parametrize(
    "character",
    tuple("\0\n\t\x1b\x7f\x85\xad\u200b\u200d\u202e\u2028\u2066\ufeff\ue000\ufdd0\ufffe\uffff")
    + tuple("\U000e0041\U000e0100\U0010ffff"),
)
def test_what_hides_breaks_or_reorders_is_refused(character: str) -> None:
    for text in (character, f"a{character}", f"{character}b"):
        with pytest.raises(NotPrintable):
            check_printable("good", text)


@given(st.characters())
def test_the_written_table_agrees_with_the_language_s_own(character: str) -> None:
    refused = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs"}
    is_bad = unicodedata.category(character) in refused
    try:
        check_printable(character)
    except NotPrintable:
        is_selector = 0xE0100 <= ord(character) <= 0xE01EF
        assert is_bad or is_selector or unicodedata.category(character) == "Cn"
    else:
        assert not is_bad
