"""Fields that are signatures of other local keys than the signer's: consents, made on the spot."""

from consensus.crypto import claim_message, consensus_message, serve_message, sign
from consensus.quantities import Hash32, NetUid, PublicKey, Signature
from daemon.cli.output import CliError, Exit
from daemon.cli.tx.desk import Desk
from daemon.cli.tx.entry import Field, Given, Prompt
from daemon.cli.tx.fields import read_bytes
from storage.keys.keyfile import KeyKind

_SIGNATURE_BYTES = 64
CONSENT = Prompt(
    "consent",
    "The hotkey's consent, if its key is on another machine: neurond tx consent prints it there.",
    metavar="SIGNATURE",
)


def consent(hotkey: str = "hotkey", *, is_always: bool = False) -> Field:
    """Return the field for a hotkey's consent to its coldkey, the signer.

    It is made with the local key where it is needed: while nobody owns the hotkey.

    Args:
        hotkey: the field that names it.
        is_always: whether an owner makes no difference.
    """

    def read(desk: Desk, given: Given) -> tuple[Signature, ...]:
        written = given.text(CONSENT.name)
        if written is not None:
            return (_read_signature(written),)
        key = PublicKey(_bytes_of(given, hotkey))
        if not is_always and desk.owner(key) is not None:
            return ()
        return (sign_claim(desk, key, desk.signer),)

    def show(_desk: Desk, value: object) -> str:
        return "signed" if value else "not needed"

    return Field("consent", read, show, (CONSENT,))


def sign_claim(desk: Desk, hotkey: PublicKey, coldkey: PublicKey) -> Signature:
    """Return the signature with which a local hotkey becomes a coldkey's.

    Raises:
        CliError: `consent_missing`: the hotkey is not here.
    """
    if not desk.has(hotkey):
        message = "The hotkey has no owner yet and must consent, but its key is not here."
        remedy = "Run neurond tx consent where the hotkey is, and give what it prints as --consent."
        raise CliError(Exit.KEY, "consent_missing", message, remedy)
    opened = desk.open(hotkey, KeyKind.HOTKEY)
    return sign(opened.key, claim_message(desk.chain_id, hotkey, coldkey))


def node_signature() -> Field:
    """Return the field for the node key's consent to serve the signing hotkey."""

    def read(desk: Desk, given: Given) -> Signature:
        netuid = given.values["netuid"]
        assert isinstance(netuid, int)
        opened = desk.open(PublicKey(_bytes_of(given, "node_key")), KeyKind.NODE)
        return sign(opened.key, serve_message(desk.chain_id, NetUid(netuid), desk.signer))

    return Field("node_signature", read, lambda _desk, _value: "signed")


def consensus_signature() -> Field:
    """Return the field for the consensus key's consent to vote for the hotkey."""

    def read(desk: Desk, given: Given) -> Signature:
        opened = desk.open(PublicKey(_bytes_of(given, "consensus_key")), KeyKind.CONSENSUS)
        hotkey, tip = PublicKey(_bytes_of(given, "hotkey")), Hash32(_bytes_of(given, "beacon_tip"))
        return sign(opened.key, consensus_message(desk.chain_id, hotkey, tip))

    return Field("consensus_signature", read, lambda _desk, _value: "signed")


def beacon_tip() -> Field:
    """Return the field for the last link of a beacon key's hash chain; it takes a second."""
    prompt = Prompt(
        "beacon_key", "The local key whose seed starts the chain of reveals.", metavar="KEY"
    )

    def read(desk: Desk, given: Given) -> bytes:
        from consensus.agreement.beacon import HashChain  # noqa: PLC0415 - as above

        text = given.text(prompt.name)
        key = desk.find_default(KeyKind.BEACON) if text is None else desk.find(text)
        return HashChain(bytes(desk.open(key, KeyKind.BEACON).key)).tip

    return Field("beacon_tip", read, lambda _desk, _value: "fresh", (prompt,))


def _read_signature(written: str) -> Signature:
    found = read_bytes(written)
    if len(found) != _SIGNATURE_BYTES:
        message = "--consent is no signature: it has 128 hexadecimal digits."
        raise CliError(Exit.USAGE, "usage", message, "Copy what neurond tx consent printed.")
    return Signature(found)


def _bytes_of(given: Given, name: str) -> bytes:
    value = given.values[name]
    assert isinstance(value, bytes)
    return value
