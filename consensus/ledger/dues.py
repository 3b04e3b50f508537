"""What falls due at a block's end, by topic: the agenda's table of contents."""

from collections.abc import Callable, Mapping

from consensus.ledger.agenda import Errand, take_due
from consensus.ledger.channels import process_channel_end
from consensus.ledger.events import LedgerEvent
from consensus.ledger.stake.children import process_children_due
from consensus.ledger.state import Draft
from consensus.ledger.voting.governance import process_enactment, process_tally

Due = Callable[[Draft, bytes], list[LedgerEvent]]
"""Does what is due with a subject; it can't fail, and finds for itself if it is moot by now."""

_DUES: Mapping[Errand, Due] = {
    Errand.CHANNEL_END: process_channel_end,
    Errand.TALLY: process_tally,
    Errand.ENACT: process_enactment,
    Errand.CHILDREN: process_children_due,
}


def process_agenda(draft: Draft) -> list[LedgerEvent]:
    """Do what is due at the Draft's height, at most `agenda.DUE_MAX` entries."""
    events: list[LedgerEvent] = []
    for topic, subject in take_due(draft):
        events += _DUES[topic](draft, subject)
    return events
