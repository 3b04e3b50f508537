"""Ask a node about the ledger's state without believing it.

`ask_proved` believes nothing but a genesis: see `daemon/views/proofs.py`. It still depends on the
node for how new the answer is, so the height belongs to what is shown.
"""

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from consensus import codec
from consensus.agreement import light
from consensus.agreement.certificates import Committee
from consensus.agreement.light import InvalidProof
from consensus.errors import DecodeError, InvalidBlock, InvalidVote
from consensus.ledger.genesis import (
    FIRST_ERA,
    Genesis,
    compute_chain_id,
    compute_first_seed,
    get_entries,
)
from consensus.quantities import Era, Height
from consensus.types import Certificate, HandOff
from daemon.cli.client import NodeClient
from daemon.cli.output import CliError, Exit
from daemon.engine.errors import NodeError
from daemon.views import blocks
from daemon.views.blocks import ERAS_MAX, ErasAnswer
from daemon.views.proofs import Proven, check_answer
from daemon.views.view import Answer, ProofPart, StateQuestion


def trust_genesis(genesis: Genesis) -> Committee:
    """Return the validator set that a genesis names: all a client needs to trust."""
    return Committee(
        FIRST_ERA, compute_chain_id(genesis), get_entries(genesis), compute_first_seed(genesis)
    )


def ask_proved(
    client: NodeClient,
    committee: Committee,
    question: StateQuestion[Answer],
    height: Height | None = None,
) -> Proven[Answer]:
    """Return the answer computed from proven entries; None is the newest height there is.

    `committee` is that of any era up to the answer's; the chain's own hand-offs lead on from it.

    Raises:
        CliError: unreachable, the node's own error, or (code `not_proven`) a proof that does not
        hold.
    """
    told = client.get_ok(question.at(height, "proof=1"))
    try:
        trusted = follow(client, committee, _read_era(told))
        return check_answer(trusted, question, height, told)
    except InvalidProof as error:
        remedy = "The node errs or lies, or this is another network's genesis: ask another node."
        raise CliError(Exit.FAILED, "not_proven", f"{error}.", remedy) from error
    except NodeError as error:
        raise CliError(Exit.FAILED, error.code, error.message, error.remedy) from error


def follow(client: NodeClient, committee: Committee, era: Era) -> Committee:
    """Return the committee of `era`, reached from `committee` by hand-offs that are each checked.

    Raises:
        CliError: unreachable.
        InvalidProof: a hand-off proves nothing, or eras are missing.
    """
    while committee.era < era:
        count = min(ERAS_MAX, era - committee.era)
        answer = client.get_ok(blocks.eras(committee.era, count).path)
        hand_offs = _read_eras(answer).hand_offs
        if not hand_offs:
            raise InvalidProof(f"nothing shows how era {committee.era} ended")
        for text in hand_offs:
            try:
                committee = light.follow(committee, codec.decode(HandOff, bytes.fromhex(text)))
            except (ValueError, DecodeError, InvalidBlock, InvalidVote) as error:
                message = f"era {committee.era} is not shown to have ended: {error}"
                raise InvalidProof(message) from error
    return committee


def _read_era(told: Mapping[str, object]) -> Era:
    """Return the era of the certificate in a proven answer; 0 if it can't be read."""
    try:
        proof = TypeAdapter(ProofPart).validate_python(told.get("proof"))
        return codec.decode(Certificate, bytes.fromhex(proof.certificate)).era
    except (ValidationError, ValueError, DecodeError):
        return Era(0)  # `check_answer` says what is wrong with it


def _read_eras(answer: dict[str, object]) -> ErasAnswer:
    try:
        return _ERAS.validate_python(answer)
    except ValidationError as error:
        message = f"The node's answer is not what this program knows: {error.error_count()} faults."
        remedy = "Use the neurond version that the node runs."
        raise CliError(Exit.FAILED, "unknown_answer", message, remedy) from error


_ERAS = TypeAdapter(ErasAnswer)
