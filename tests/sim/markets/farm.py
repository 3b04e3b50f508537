"""UID farm: one outsider registers many hotkeys that all give the same middling answer.

Equal answers to one challenge are paid once, to the neuron registered first
(`neurons/validating/copies.py`), so honest validators see quality in one of them only.
"""

from collections.abc import Sequence

from consensus import crypto
from consensus.calls.neurons import RegisterNeuron
from consensus.ledger.records import get_network
from consensus.ledger.subnet.records import find_uid
from consensus.quantities import U64_MAX, Amount
from consensus.types import Call
from tests.builders import key_of, sign_as
from tests.sim.markets.arena import Arena, Party
from tests.sim.markets.founding import MARKET, OUTSIDER
from tests.sim.markets.honest import Honest

SIZE = 24


class Farm(Honest):
    """Registers one hotkey a block until it has `SIZE`, and again whichever is pruned."""

    name = "UID farm"

    def choose(self, arena: Arena) -> Party:
        arena.answers = {f"farm{number}": (1.0 if number == 0 else 0.0) for number in range(SIZE)}
        return Party(others=(OUTSIDER,))

    def act(self, arena: Arena) -> Sequence[tuple[str, Call]]:
        for number in range(SIZE):
            hotkey = key_of(f"farm{number}")
            if find_uid(arena.state, MARKET, hotkey) is None:
                chain_id = get_network(arena.state).chain_id
                message = crypto.claim_message(chain_id, hotkey, key_of(OUTSIDER))
                consent = (sign_as(f"farm{number}", message),)
                return [(OUTSIDER, RegisterNeuron(MARKET, hotkey, Amount(U64_MAX), consent))]
        return ()
