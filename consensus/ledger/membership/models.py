"""Which model a miner commits to, and who was first with it.

A hotkey has one model per subnet. The first publication of each content stays on record for good,
whatever its publisher does later: a copy can't pass for the original, and who publishes again what
it was first with keeps the height. Records stand under the hotkey's vault, so a swapped hotkey
keeps them; those of a dissolved subnet mean nothing to the next one with its number.

Anyone who sees a publication in gossip can publish the same content with a higher tip. So a model
that nobody else has yet is best published first as a hash over the file's hash and the miner's
hotkey, and as the file's own hash later: the first entry proves the date, and is worthless to
another hotkey.

Source: `docs/spec/ledger.md` 10.
"""

from dataclasses import dataclass

from consensus import codec
from consensus.calls.neurons import PublishModel
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.records import get_vault, get_vault_hotkey
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import get_subnet, get_uid
from consensus.ledger.texts import check_printable
from consensus.quantities import Hash32, Height, NetUid, PublicKey, ShortText
from consensus.refusals import RateLimited


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """What a hotkey published last."""

    content: Hash32
    uri: ShortText
    height: Height
    """When this hotkey published this content first: the proof of priority."""
    updated_at: Height
    """When it published last, whatever it was."""


@dataclass(frozen=True, slots=True)
class First:
    """The first publication of a content in a subnet."""

    vault: PublicKey
    height: Height


@dataclass(frozen=True, slots=True)
class ModelView:
    """A hotkey's model, and which hotkey was the first with its content, and when."""

    hotkey: PublicKey
    model: PublishedModel
    first_hotkey: PublicKey
    first_height: Height


def process_publish(draft: Draft, signer: PublicKey, call: PublishModel) -> None:
    """Write the model of the signing hotkey, at most once per `serving_rate_limit` blocks.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotRegistered, RateLimited, NotPrintable.
    """
    subnet = get_subnet(draft, call.netuid)
    get_uid(draft, call.netuid, signer)
    check_printable(call.uri)
    vault, pause = get_vault(draft, signer), subnet.hyper.serving_rate_limit
    last = find_model(draft, call.netuid, signer)
    if last is not None and draft.height < last.updated_at + pause:
        raise RateLimited(f"published at {last.updated_at}, next {pause} blocks later")
    height = draft.height
    first = find_first(draft, call.netuid, call.content)
    if first is None:
        entry = codec.encode(First(vault, height))
        draft.put(keys.of(Family.CONTENT, keys.u16(call.netuid), call.content), entry)
    elif first.vault == vault:
        height = first.height
    elif last is not None and last.content == call.content:
        height = last.height
    model = PublishedModel(call.content, call.uri, height, draft.height)
    draft.put(keys.of(Family.MODEL, keys.u16(call.netuid), vault), codec.encode(model))


def find_model(view: Reading, netuid: NetUid, hotkey: PublicKey) -> PublishedModel | None:
    """Return the model of a hotkey in a subnet that exists, or None."""
    data = view.get(keys.of(Family.MODEL, keys.u16(netuid), get_vault(view, hotkey)))
    return (
        None if data is None else _of_this_subnet(view, netuid, codec.decode(PublishedModel, data))
    )


def find_first(view: Reading, netuid: NetUid, content: Hash32) -> First | None:
    """Return the first publication of a content in a subnet that exists, or None."""
    data = view.get(keys.of(Family.CONTENT, keys.u16(netuid), content))
    if data is None:
        return None
    first = codec.decode(First, data)
    return first if first.height >= get_subnet(view, netuid).created_at else None


def list_models(view: Reading, netuid: NetUid) -> tuple[ModelView, ...]:
    """Return the models of a subnet by content, then by height (ties: lower vault).

    Raises:
        CallError: UnknownSubnet (there is none), SubnetClosed.
    """
    get_subnet(view, netuid)
    prefix = keys.of(Family.MODEL, keys.u16(netuid))
    found: list[tuple[PublicKey, PublishedModel]] = []
    for key, data in view.scan(prefix):
        model = _of_this_subnet(view, netuid, codec.decode(PublishedModel, data))
        if model is not None:
            found.append((PublicKey(key[len(prefix) :]), model))
    found.sort(key=lambda item: (item[1].content, item[1].height, item[0]))
    return tuple(_view(view, netuid, vault, model) for vault, model in found)


def _view(view: Reading, netuid: NetUid, vault: PublicKey, model: PublishedModel) -> ModelView:
    first = find_first(view, netuid, model.content)
    assert first is not None, "a model was published, so it was published a first time"
    return ModelView(
        hotkey=get_vault_hotkey(view, vault),
        model=model,
        first_hotkey=get_vault_hotkey(view, first.vault),
        first_height=first.height,
    )


def _of_this_subnet(view: Reading, netuid: NetUid, model: PublishedModel) -> PublishedModel | None:
    """Return a model unless it was published in a former subnet of the number."""
    return model if model.updated_at >= get_subnet(view, netuid).created_at else None
