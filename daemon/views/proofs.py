"""Proofs of the state as the node shows them, and as a client reads and checks them.

`check_answer` is the client's whole part: nothing in the node's answer is believed. The proof is
checked against a validator set the client trusts (of genesis), the question is answered again from
the proven entries, and the node's answer must be the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic

from pydantic import TypeAdapter, ValidationError

from consensus import codec
from consensus.agreement.certificates import Committee
from consensus.agreement.light import InvalidProof, NotProven, StateProof, check_proof
from consensus.quantities import Height, TimeMs
from consensus.types import Header, ValidatorEntry
from daemon.views.plain import write_answer
from daemon.views.stake import present_validators
from daemon.views.view import Answer, ProofPart, StateQuestion, Told_co


@dataclass(frozen=True, slots=True)
class Proven(Generic[Told_co]):
    """An answer that is true whoever gave it."""

    answer: Told_co
    height: Height
    time_ms: TimeMs
    """Of the block after it, ms since 1970: how old the answer is, which no proof can better."""
    is_complete: bool
    """False: nothing in it is wrong, but something may be missing (it took a scan)."""


def present_proof(height: int, proof: StateProof, entries: tuple[ValidatorEntry, ...]) -> ProofPart:
    """Return `proof` as the door shows it; `entries` is the set its certificate is by."""
    return ProofPart(
        height=height,
        complete=True,
        entries=tuple(
            (key.hex(), None if value is None else value.hex()) for key, value in proof.entries
        ),
        tree=proof.tree.hex(),
        headers=tuple(header.hex() for header in proof.headers),
        certificate=proof.certificate.hex(),
        validators=present_validators(entries),
    )


def attach_proof(answer: Answer, proof: ProofPart, *, is_complete: bool) -> Answer:
    """Return `answer` with its proof."""
    return replace(answer, proof=replace(proof, complete=is_complete))


def read_proof(proof: ProofPart) -> StateProof:
    """Return a proof as `check_proof` takes it.

    Raises:
        InvalidProof: something in it is not hexadecimal.
    """
    try:
        return StateProof(
            entries=tuple(
                (bytes.fromhex(key), None if value is None else bytes.fromhex(value))
                for key, value in proof.entries
            ),
            tree=bytes.fromhex(proof.tree),
            headers=tuple(bytes.fromhex(header) for header in proof.headers),
            certificate=bytes.fromhex(proof.certificate),
        )
    except ValueError as error:
        raise InvalidProof(f"the proof is not hexadecimal: {error}") from error


def check_answer(
    committee: Committee,
    question: StateQuestion[Answer],
    height: Height | None,
    told: Mapping[str, object],
) -> Proven[Answer]:
    """Return the proven answer to `question`, which must be the one a node `told` (its JSON).

    Args:
        committee: the validator set the client trusts.
        question: what was asked.
        height: what it was asked of; None where the node chose the height, which it then names.
        told: the node's answer, proof included.

    Raises:
        InvalidProof: the proof proves nothing, or something else than the answer.
        NodeError: what was asked for does not exist, and that is proven.
    """
    try:
        shown = _PROOFS.validate_python(told.get("proof"))
    except ValidationError as error:
        raise InvalidProof(f"the answer carries no proof: {error.error_count()} faults") from error
    if height is not None and shown.height != height:
        raise InvalidProof(f"a proof of height {shown.height} where {height} was asked")
    proof = read_proof(shown)
    view = check_proof(committee, shown.height, proof)
    try:
        answer = question.answer(view)
    except NotProven as error:
        raise InvalidProof(f"the proof does not cover the answer: {error}") from error
    written = json.loads(write_answer(answer))
    if written != {**told, "proof": None}:
        raise InvalidProof("the answer is not what its proof shows")
    vouching = codec.decode(Header, proof.headers[0])
    return Proven(answer, Height(shown.height), vouching.time_ms, view.is_complete)


_PROOFS = TypeAdapter(ProofPart)
