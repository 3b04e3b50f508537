import pytest

from config.address import AddressError, format_address, parse_address
from consensus.quantities import PublicKey

ALICE = PublicKey(bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"))
ALICE_ADDRESS = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
"""The field's best-known account, as Substrate writes it."""


def test_a_key_has_the_address_the_field_knows():
    assert format_address(ALICE) == ALICE_ADDRESS
    assert parse_address(ALICE_ADDRESS) == ALICE


@pytest.mark.parametrize("place", range(1, 48, 5))
def test_one_mistyped_letter_is_noticed(place: int):
    other = "x" if ALICE_ADDRESS[place] != "x" else "y"
    with pytest.raises(AddressError):
        parse_address(ALICE_ADDRESS[:place] + other + ALICE_ADDRESS[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        ALICE_ADDRESS[:-1],
        "0" * 48,
        "é" * 48,
        "1" * 10_000,
        ALICE.hex(),
        "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
    ],
)
def test_text_that_is_no_address_of_ours_is_refused(text: str):
    with pytest.raises(AddressError):
        parse_address(text)
