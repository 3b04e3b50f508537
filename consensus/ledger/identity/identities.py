"""What coldkeys, and the owners of subnets, say of themselves; nobody checks that it is true.

A new identity replaces the old one; one that says nothing deletes it.

Source: `docs/spec/ledger.md` 10.
"""

from consensus import codec
from consensus.calls.accounts import SetIdentity
from consensus.calls.subnets import SetSubnetIdentity
from consensus.ledger import keys
from consensus.ledger.keys import Family
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import get_own_subnet
from consensus.ledger.texts import check_printable
from consensus.quantities import Identity, LongText, NetUid, PublicKey, ShortText

_NOTHING = Identity(ShortText(""), ShortText(""), ShortText(""), LongText(""))


def process_set_identity(draft: Draft, signer: PublicKey, call: SetIdentity) -> None:
    """Write what the signing coldkey says of itself.

    Raises:
        CallError: NotPrintable.
    """
    _check(call.identity)
    put_identity(draft, signer, call.identity)


def process_set_subnet_identity(draft: Draft, signer: PublicKey, call: SetSubnetIdentity) -> None:
    """Write what the coldkey of a subnet's owner says of it.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotOwner, NotPrintable.
    """
    get_own_subnet(draft, call.netuid, signer)
    _check(call.identity)
    put_subnet_identity(draft, call.netuid, call.identity)


def find_identity(view: Reading, coldkey: PublicKey) -> Identity | None:
    """Return what a coldkey says of itself, or None."""
    return _find(view, keys.of(Family.IDENTITY, coldkey))


def find_subnet_identity(view: Reading, netuid: NetUid) -> Identity | None:
    """Return what a subnet's owner says of it, or None."""
    return _find(view, keys.of(Family.SUBNET_IDENTITY, keys.u16(netuid)))


def put_identity(draft: Draft, coldkey: PublicKey, identity: Identity | None) -> None:
    """Write what a coldkey says of itself; nothing leaves no entry."""
    _put(draft, keys.of(Family.IDENTITY, coldkey), identity)


def put_subnet_identity(draft: Draft, netuid: NetUid, identity: Identity | None) -> None:
    """Write what is said of a subnet; nothing, as when it ends, leaves no entry."""
    _put(draft, keys.of(Family.SUBNET_IDENTITY, keys.u16(netuid)), identity)


def _check(identity: Identity) -> None:
    check_printable(identity.name, identity.url, identity.contact, identity.about)


def _find(view: Reading, key: bytes) -> Identity | None:
    data = view.get(key)
    return None if data is None else codec.decode(Identity, data)


def _put(draft: Draft, key: bytes, identity: Identity | None) -> None:
    if identity is None or identity == _NOTHING:
        draft.delete(key)
    else:
        draft.put(key, codec.encode(identity))
