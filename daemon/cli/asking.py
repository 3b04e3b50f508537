"""Ask a node about the ledger's state, with or without believing it; hand transactions in.

`ask_proved` believes nothing but a genesis: see `daemon/views/proofs.py`. It still depends on the
node for how new the answer is, so the height belongs to what is shown.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

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
from consensus.quantities import Era, Hash32, Height, NetUid
from consensus.types import Certificate, HandOff, SignedTransaction
from daemon.cli.client import JSON_BODY, NodeClient
from daemon.cli.output import CliError, Exit
from daemon.engine.errors import NodeError
from daemon.http.many import MANY_MAX, write_many
from daemon.views import blocks, transactions
from daemon.views.blocks import ERAS_MAX, ErasAnswer
from daemon.views.proofs import Proven, check_answer
from daemon.views.transactions import ReceiptAnswer, SubmitManyAnswer, SubmitRow
from daemon.views.view import Answer, ProofPart, StateAnswer, StateQuestion
from daemon.views.what_if import WHAT_IF_PATH, WhatIfAnswer, WhatIfEdits


def trust_genesis(genesis: Genesis) -> Committee:
    """Return the validator set that a genesis names: all a client needs to trust."""
    return Committee(
        FIRST_ERA, compute_chain_id(genesis), get_entries(genesis), compute_first_seed(genesis)
    )


def ask(
    client: NodeClient, question: StateQuestion[StateAnswer], height: Height | None = None
) -> dict[str, object]:
    """Return the node's answer as it is, JSON.

    Raises:
        CliError: unreachable, or the node's own error with its code.
    """
    return client.get_ok(_add_query(question.path, height, ""))


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
    told = client.get_ok(_add_query(question.path, height, "proof=1"))
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
        hand_offs = _read(_ERAS, answer).hand_offs
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


def submit(client: NodeClient, signed: SignedTransaction) -> Hash32:
    """Hand in one transaction; return its id.

    Raises:
        CliError: unreachable, or refused with the node's reason.
    """
    answer = client.post_ok("/chain/transactions", codec.encode(signed))
    return Hash32(bytes.fromhex(str(answer["id"])))


def submit_many(client: NodeClient, many: Sequence[SignedTransaction]) -> tuple[SubmitRow, ...]:
    """Hand in many, as many requests as it takes; return what became of each, in their order.

    Raises:
        CliError: unreachable; those of earlier requests may be in already.
    """
    results: list[SubmitRow] = []
    for start in range(0, len(many), MANY_MAX):
        body = write_many([codec.encode(signed) for signed in many[start : start + MANY_MAX]])
        answer = client.post_ok("/chain/transactions", body)
        results += _read(_SUBMITTED, answer).results
    return tuple(results)


def find_receipt(client: NodeClient, transaction_id: Hash32) -> ReceiptAnswer:
    """Return what became of a transaction.

    Raises:
        CliError: unreachable, or the node knows of none (`not_found`).
    """
    return _read(_RECEIPT, client.get_ok(transactions.receipt(transaction_id).path))


def ask_what_if(
    client: NodeClient, netuid: NetUid, edits: WhatIfEdits, height: Height | None = None
) -> WhatIfAnswer:
    """Return the last epoch of a subnet as it was and as it would have been.

    Raises:
        CliError: unreachable, or an edit makes no sense (`invalid_edit`).
    """
    path = _add_query(WHAT_IF_PATH.format(netuid=netuid), height, "")
    return _read(_WHAT_IF, client.post_ok(path, _EDITS.dump_json(edits), JSON_BODY))


T = TypeVar("T")


def _read(reader: "TypeAdapter[T]", answer: dict[str, object]) -> T:
    try:
        return reader.validate_python(answer)
    except ValidationError as error:
        message = f"The node's answer is not what this program knows: {error.error_count()} faults."
        remedy = "Use the neurond version that the node runs."
        raise CliError(Exit.FAILED, "unknown_answer", message, remedy) from error


_SUBMITTED = TypeAdapter(SubmitManyAnswer)
_ERAS = TypeAdapter(ErasAnswer)
_RECEIPT = TypeAdapter(ReceiptAnswer)
_WHAT_IF = TypeAdapter(WhatIfAnswer)
_EDITS = TypeAdapter(WhatIfEdits)


def _add_query(path: str, height: Height | None, query: str) -> str:
    parts = [query] if query else []
    if height is not None:
        parts.append(f"height={height}")
    if not parts:
        return path
    return path + ("&" if "?" in path else "?") + "&".join(parts)
