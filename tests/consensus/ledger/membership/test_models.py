"""Models: a hotkey's commitment, and the proof of who was first with what."""

from dataclasses import replace
from typing import Any

import pytest

from consensus.calls.accounts import Transfer
from consensus.calls.neurons import PublishModel
from consensus.errors import CallError
from consensus.ledger.calls import process_call
from consensus.ledger.keys import Family
from consensus.ledger.membership.models import ModelView, find_first, find_model, list_models
from consensus.ledger.records import get_hotkey, put_hotkey
from consensus.ledger.state import Draft, State
from consensus.ledger.subnet.records import get_subnet, put_subnet
from consensus.quantities import Amount, Hash32, Height, NetUid, ShortText
from consensus.refusals import NotPrintable, NotRegistered, RateLimited, SubnetClosed, UnknownSubnet
from tests.builders import SUBNET, TAO, advance, apply, do, key_of, make_state, make_transaction

X, Y = Hash32(b"\1" * 32), Hash32(b"\2" * 32)


def make_publish(content: Hash32 = X, **fields: Any) -> PublishModel:  # noqa: ANN401 - as in the builders
    return replace(PublishModel(SUBNET, content, ShortText("hf://a/b")), **fields)


def funded() -> State:
    """Return the state after block 1, in which both miners can pay fees."""
    state = make_state()
    gifts = [
        make_transaction(state, "alice", Transfer(key_of(f"hot{i}"), Amount(TAO)), nonce=i - 2)
        for i in (2, 3)
    ]
    return apply(state, *gifts).state


def publish(state: State, hotkey: str, call: PublishModel) -> State:
    applied = do(state, hotkey, call)
    assert applied.receipts[0].code == 0
    return applied.state


def only(state: State, hotkey: str) -> ModelView:
    (found,) = [each for each in list_models(state, SUBNET) if each.hotkey == key_of(hotkey)]
    return found


def test_a_model_stands_with_the_height_it_was_published_at() -> None:
    state = publish(funded(), "hot2", make_publish())
    shown = only(state, "hot2")
    assert (shown.model.content, shown.model.height, shown.model.uri) == (X, 2, "hf://a/b")
    assert (shown.first_hotkey, shown.first_height) == (key_of("hot2"), 2)
    assert find_model(state, SUBNET, key_of("hot3")) is None


def test_a_copy_never_hides_the_original() -> None:
    state = publish(funded(), "hot2", make_publish())
    state = publish(state, "hot3", make_publish())
    assert [(each.hotkey, each.model.height) for each in list_models(state, SUBNET)] == [
        (key_of("hot2"), 2),
        (key_of("hot3"), 3),
    ]
    assert only(state, "hot3").first_hotkey == key_of("hot2")


def test_priority_outlives_the_next_model_of_the_same_hotkey() -> None:
    state = publish(funded(), "hot2", make_publish())
    state = publish(advance(state, 5), "hot2", make_publish(Y))
    state = publish(state, "hot3", make_publish())
    assert only(state, "hot2").model.content == Y
    assert only(state, "hot3").first_hotkey == key_of("hot2")
    assert only(state, "hot3").first_height == 2
    state = publish(advance(state, 9), "hot2", make_publish())
    assert only(state, "hot2").model.height == 2


def test_publishing_the_same_again_keeps_the_height_and_changes_the_address() -> None:
    state = publish(funded(), "hot2", make_publish())
    state = publish(state, "hot3", make_publish())
    for hotkey, height in (("hot2", 2), ("hot3", 3)):
        state = advance(state, state.height + 4)
        state = publish(state, hotkey, make_publish(uri=ShortText("new")))
        assert only(state, hotkey).model.height == height
        assert only(state, hotkey).model.uri == "new"
        assert only(state, hotkey).model.updated_at == state.height


def test_a_hotkey_publishes_once_per_pause() -> None:
    state = publish(funded(), "hot2", make_publish())
    with pytest.raises(RateLimited):
        process_call(Draft(advance(state, 4)), key_of("hot2"), make_publish(Y))
    process_call(Draft(advance(state, 5)), key_of("hot2"), make_publish(Y))


@pytest.mark.parametrize(
    ("signer", "fields", "error"),
    [
        ("alice", {}, NotRegistered),
        ("cold2", {}, NotRegistered),
        ("hot2", {"netuid": NetUid(9)}, UnknownSubnet),
        ("hot2", {"netuid": NetUid(0)}, UnknownSubnet),
        ("hot2", {"uri": ShortText("a\nb")}, NotPrintable),
    ],
)
def test_a_publication_that_makes_no_sense_is_refused(
    signer: str, fields: dict[str, Any], error: type[CallError]
) -> None:
    draft = Draft(make_state())
    with pytest.raises(error):
        process_call(draft, key_of(signer), make_publish(**fields))
    assert draft.changes == {}


def test_a_swapped_hotkey_keeps_its_model() -> None:
    state = publish(funded(), "hot2", make_publish())
    draft = Draft(state)
    record = get_hotkey(draft, key_of("hot2"))
    assert record is not None
    draft.delete(bytes((Family.HOTKEY,)) + key_of("hot2"))
    put_hotkey(draft, key_of("fresh"), record)
    draft.put(bytes((Family.VAULT,)) + record.vault, key_of("fresh"))
    (shown,) = list_models(draft, SUBNET)
    assert shown.hotkey == shown.first_hotkey == key_of("fresh")


def test_models_of_a_dissolved_subnet_mean_nothing_to_the_next() -> None:
    state = publish(funded(), "hot2", make_publish())
    draft = Draft(state)
    put_subnet(draft, SUBNET, replace(get_subnet(draft, SUBNET), created_at=Height(3)))
    assert list_models(draft, SUBNET) == ()
    assert find_first(draft, SUBNET, X) is None
    process_call(draft, key_of("hot3"), make_publish())
    (shown,) = list_models(draft, SUBNET)
    assert (shown.hotkey, shown.first_hotkey) == (key_of("hot3"), key_of("hot3"))


def test_a_closed_subnet_takes_no_models() -> None:
    draft = Draft(make_state())
    put_subnet(draft, SUBNET, replace(get_subnet(draft, SUBNET), is_closed=True))
    with pytest.raises(SubnetClosed):
        process_call(draft, key_of("hot2"), make_publish())


def test_models_of_no_subnet_are_refused() -> None:
    with pytest.raises(UnknownSubnet):
        list_models(make_state(), NetUid(9))
