"""What a subnet asks for and which evaluation code counts: announced, then the same for everybody.

A validator reports the hash that identifies its evaluation code with every commitment; a row that
was made by another version or by other code counts as empty (`membership/weights.py`). A subnet has
at most one announced mechanism; announcing another replaces it, announcing the present one takes it
back.

The switch comes right after the first epoch step at or after the announced height. It drops the
rows in force and the commitments of the epoch that has just begun: both were made by the code
before, and nobody forfeits a row that would no longer count. The next step runs on what was bound
since, so an epoch is judged by one version alone.

Source: `docs/spec/ledger.md` 3, and 14 for why never in the middle of an epoch.
"""

from dataclasses import dataclass, replace

from consensus import codec
from consensus.calls.subnets import SetMechanism
from consensus.ledger import keys
from consensus.ledger.events import MechanismAnnounced, MechanismChanged
from consensus.ledger.keys import Family
from consensus.ledger.membership.weights import forget_commitments, forget_rows
from consensus.ledger.state import Draft, Reading
from consensus.ledger.subnet.records import find_subnet, get_own_subnet, put_subnet
from consensus.ledger.texts import check_printable
from consensus.quantities import U64, Hash32, Height, NetUid, PublicKey, ShortText, TaskParams
from consensus.refusals import TooEarly


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A task and the code that scores it, from the first epoch step at or after `activation` on."""

    task: ShortText
    task_params: TaskParams
    scorer_version: U64
    scorer_hash: Hash32
    activation: Height


def process_set_mechanism(
    draft: Draft, signer: PublicKey, call: SetMechanism
) -> MechanismAnnounced:
    """Announce another task or other evaluation code of the signer's subnet.

    Raises:
        CallError: UnknownSubnet, SubnetClosed, NotOwner, NotPrintable, TooEarly.
    """
    subnet = get_own_subnet(draft, call.netuid, signer)
    check_printable(call.task)
    earliest = draft.height + subnet.hyper.tempo
    if call.activation < earliest:
        raise TooEarly(f"activation at {call.activation}, {earliest} is the first possible")
    mechanism = Mechanism(
        call.task, call.task_params, call.scorer_version, call.scorer_hash, call.activation
    )
    draft.put(keys.of(Family.MECHANISM, keys.u16(call.netuid)), codec.encode(mechanism))
    return MechanismAnnounced(
        call.netuid, call.task, call.scorer_version, call.scorer_hash, call.activation
    )


def process_mechanism(draft: Draft, netuid: NetUid) -> list[MechanismChanged]:
    """Switch to the announced mechanism if it is due, right after an epoch step."""
    mechanism = find_mechanism(draft, netuid)
    if mechanism is None or mechanism.activation > draft.height:
        return []
    subnet = find_subnet(draft, netuid)
    assert subnet is not None, f"a mechanism of subnet {netuid}, which does not exist"
    changed = replace(
        subnet,
        task=mechanism.task,
        task_params=mechanism.task_params,
        scorer_version=mechanism.scorer_version,
        scorer_hash=mechanism.scorer_hash,
    )
    draft.delete(keys.of(Family.MECHANISM, keys.u16(netuid)))
    if changed == subnet:
        return []
    put_subnet(draft, netuid, changed)
    forget_commitments(draft, netuid)
    forget_rows(draft, netuid)
    return [MechanismChanged(netuid, changed.task, changed.scorer_version, changed.scorer_hash)]


def find_mechanism(view: Reading, netuid: NetUid) -> Mechanism | None:
    """Return the mechanism that a subnet's owner announced, or None."""
    data = view.get(keys.of(Family.MECHANISM, keys.u16(netuid)))
    return None if data is None else codec.decode(Mechanism, data)
