"""The chain's values as JSON has them: addresses, hexadecimal, names, decimal strings."""

import re
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import cast, get_args, get_origin, get_type_hints

import base58
from pydantic import TypeAdapter

from config.address import format_address
from consensus.errors import CallError
from consensus.ledger.events import LedgerEvent
from consensus.quantities import Amount, PublicKey
from consensus.refusals import UnknownSubnet
from consensus.types import Call
from daemon.views.events import EventKind

EVENT_KINDS: Mapping[str, EventKind] = {
    "epoch": "reward",
    "weights": "weights",
    "neuron": "neuron",
    "subnet": "subnet",
    "hyperparameter": "subnet",
    "mechanism": "subnet",
    "stake": "stake",
    "order": "stake",
    "children": "stake",
    "channel": "channel",
    "voucher": "channel",
    "proposal": "governance",
}
"""What the ledger's events are about, by the first word of their names."""


def write_answer(value: object) -> bytes:
    """Return one of our frozen values as JSON, straight from its type."""
    return _writer(type(value)).dump_json(value)


@cache
def _writer(kind: type) -> TypeAdapter[object]:
    """Return the compiled writer of one answer's type; compiling takes milliseconds."""
    return TypeAdapter(kind)


def format_peer_id(peer_id: bytes) -> str:
    """Return a libp2p peer id as people know it: base58."""
    return base58.b58encode(peer_id).decode()


def present_call(call: Call) -> dict[str, object]:
    """Return the call's fields as JSON values."""
    return _present_fields(call)


def present_event(event: LedgerEvent) -> tuple[EventKind, dict[str, object]]:
    """Return what the ledger did as an event of the stream."""
    what = name_type(type(event))
    kind = EVENT_KINDS.get(what.partition("_")[0], "ledger")
    return kind, {"what": what, **_present_fields(event)}


def name_type(kind: type) -> str:
    """Return a class's name in words: RevealWeights is reveal_weights."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def name_code(code: int) -> str | None:
    """Return the name of a receipt's code; None for success."""
    if code == 0:
        return None
    refusal = find_refusal(code)
    return "CallError" if refusal is None else refusal.__name__


def find_refusal(code: int) -> type[CallError] | None:
    """Return the way a call fails that has this code."""
    return _list_refusals().get(code)


def _present_fields(value: Call | LedgerEvent) -> dict[str, object]:
    hints = get_type_hints(type(value))
    return {
        each.name: _plain(hints[each.name], getattr(value, each.name)) for each in fields(value)
    }


def _plain(hint: object, value: object) -> object:
    if isinstance(value, bytes):
        return format_address(PublicKey(value)) if hint is PublicKey else value.hex()
    if isinstance(value, tuple):
        inner = get_args(hint)[0] if get_origin(hint) is tuple else None
        return [_plain(inner, item) for item in cast("tuple[object, ...]", value)]
    return str(value) if hint is Amount else value


@cache
def _list_refusals() -> dict[int, type[CallError]]:
    """Return every way a call fails, by its code; one import brings them all in."""
    assert issubclass(UnknownSubnet, CallError)
    return {refusal.code: refusal for refusal in CallError.__subclasses__()}
