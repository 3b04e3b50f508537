"""What the node starts from, opened and checked: its keys, and the chain as the store has it.

Everything here runs once, before the network is open, and what is wrong is the operator's to mend.
"""

from dataclasses import dataclass

from nacl.signing import SigningKey

from config.errors import Misfit
from config.sections.agreement import AgreementSettings
from config.settings import Settings
from consensus import crypto
from consensus.agreement.beacon import BEACON_LENGTH, HashChain
from consensus.agreement.messages import Timing
from consensus.ledger import genesis as ledger_genesis
from consensus.ledger.genesis import Genesis
from consensus.ledger.mempool import Mempool
from consensus.ledger.records import get_beacon_tip
from consensus.ledger.state import State
from consensus.params import Params
from consensus.types import Block
from daemon.engine.chain import Chain, ChainHead
from daemon.engine.driver import Voter
from daemon.telemetry import get_logger
from storage.keys.keystore import KeyKind, Keystore
from storage.store import FinalBlock, Store


class WrongBeacon(Misfit):
    """Our beacon key does not make the hash chain the network knows."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The beacon key {key!r} does not lead to the registered tip, or its chain is used up.",
            "Use the beacon key that was made together with the consensus key; a used-up one needs "
            "new keys of both kinds.",
        )


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys this node runs with, open."""

    node: SigningKey
    voters: tuple[Voter, ...]
    hotkey: SigningKey | None
    faucet: SigningKey | None


def load_keys(settings: Settings, password: str) -> Keys:
    """Open the keys this node needs; blocks (argon2id, and the beacon's million hashes)."""
    keystore = Keystore(settings.keys.keystore)

    def load(name: str, kind: KeyKind) -> bytes:
        return keystore.load(name, kind, password).seed

    node = SigningKey(load(settings.p2p.node_key, KeyKind.NODE))
    hotkey = None
    if settings.neuron.role != "none":
        hotkey = SigningKey(load(settings.neuron.hotkey, KeyKind.HOTKEY))
    voters = tuple(
        Voter(
            SigningKey(load(key, KeyKind.CONSENSUS)),
            HashChain(load(beacon, KeyKind.BEACON), BEACON_LENGTH),
        )
        for key, beacon in _list_keys(settings.agreement)
    )
    faucet = None
    if settings.faucet.enabled:
        faucet = SigningKey(load(settings.faucet.key, KeyKind.COLDKEY))
    return Keys(node, voters, hotkey, faucet)


async def open_chain(store: Store, genesis: Genesis) -> Chain:
    """Return the chain at the stored head; store genesis first if there is nothing yet."""
    kept = store.blocks.head()
    if kept is None:
        state, header = ledger_genesis.build_genesis(genesis)
        digest = crypto.compute_header_digest(header)
        block = Block(header, (), ())
        first = FinalBlock(block, digest, state.root, (), state.changes, state.nodes)
        kept = await store.finalize([first], None)
    header = store.blocks.header(kept.digest)
    assert header is not None, "the head's header is stored with it"
    state = State.from_reader(store.states.reader(kept.height), kept.height, kept.root)
    return Chain(store, ChainHead(kept.digest, header, state), Mempool())


def check_voters(settings: AgreementSettings, voters: tuple[Voter, ...], state: State) -> None:
    """Check the keys we vote with against the ledger; one it does not know yet may come later.

    Raises:
        WrongBeacon: a key's beacon chain is not the one the ledger knows.
    """
    for voter, (key, beacon) in zip(voters, _list_keys(settings), strict=True):
        tip = get_beacon_tip(state, voter.name)
        if tip is None:
            get_logger("node").warning(
                "consensus key is not registered: this node follows until it is",
                key=key,
                public_key=voter.name.hex(),
                remedy="stake on a hotkey of yours and send SetConsensusKey for it",
            )
        elif voter.beacon.reveal(tip) is None:
            raise WrongBeacon(beacon)


def get_timing(params: Params) -> Timing:
    """Return the intervals of agreement that the network was made with."""
    return Timing(params.block_ms, params.delta_ms, params.clock_drift_ms)


def _list_keys(settings: AgreementSettings) -> tuple[tuple[str, str], ...]:
    """Return the names of each consensus key we vote with and its beacon key."""
    if not settings.validate:
        return ()
    names = (settings.consensus_key, settings.beacon_key, *settings.next_keys)
    return tuple(zip(names[::2], names[1::2], strict=True))
