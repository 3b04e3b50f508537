"""Run a transaction on a scratch copy of the head's state, for who is about to sign it.

Previews are computed in a worker thread, one at a time with a few waiting: a scratch block of 256
subnets takes some milliseconds, and nobody pays for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal, get_type_hints

import trio

from config.address import format_address
from consensus import codec, crypto
from consensus.calls.staking import SetChildren
from consensus.errors import CallError, DecodeError, InvalidTransaction, MalformedTransaction
from consensus.ledger.fees import ENCODING_BYTES_MAX
from consensus.ledger.preview import Preview, preview
from consensus.ledger.state import State
from consensus.quantities import PublicKey
from consensus.types import Call, SignedTransaction, Transaction
from daemon import unit
from daemon.engine.chain import Chain
from daemon.engine.errors import NodeError, Why, bad_request
from daemon.views.plain import present_event

AT_ONCE, WAITING = 1, 16
_UNAFFORDABLE = "The signer pays fee and tip itself, hotkeys too: send it some TAO, or tip less."
"""What to do about the one problem of an honest transaction that passes."""
_SIGNED_HEAD = b"\x82"
"""First byte of a SignedTransaction, a list of two; a Transaction is one of six."""


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One figure a transaction would change; `who` are addresses, the coldkey's first."""

    what: Annotated[str, unit.text("The figure.")]
    netuid: Annotated[int, unit.place("Where.")]
    who: Annotated[tuple[str, ...], unit.address("Whose it is.")]
    before: Annotated[int, unit.law("As it is.")]
    after: Annotated[int, unit.law("As it would be.")]


@dataclass(frozen=True, slots=True)
class PreviewAnswer:
    """What the next block would make of a transaction."""

    height: Annotated[int, unit.height("Of that block.")]
    outcome: Annotated[
        Literal["succeeds", "fails", "impossible"],
        unit.text("Done; its fee paid and failed; or it can't be in a block at all."),
    ]
    fee: Annotated[int, unit.rao("What it would cost.")]
    tip: Annotated[int, unit.rao("Above the fee.")]
    nonce: Annotated[int, unit.count("The signer's next, counting what waits here.")]
    code: Annotated[int | None, unit.number("Of the receipt.")]
    error: Annotated[str | None, unit.text("The name of the refusal.")]
    message: Annotated[str | None, unit.text("What happened.")]
    remedy: Annotated[str | None, unit.text("What to do.")]
    events: Annotated[tuple[Mapping[str, object], ...], unit.text("As /events would tell them.")]
    effects: Annotated[tuple[EffectRow, ...], unit.part("What would change.")]
    writes: Annotated[tuple[str, ...], unit.text("Families of the records it would write.")]


class Previewing:
    """What the door's previews are computed with."""

    def __init__(self, chain: Chain) -> None:
        """Compute on the head of `chain`."""
        self._chain = chain
        self._threads = trio.CapacityLimiter(AT_ONCE)

    async def preview(self, data: bytes) -> PreviewAnswer:
        """Return what would become of an encoded Transaction or SignedTransaction.

        Raises:
            NodeError: it can't be read, or too many previews wait.
        """
        transaction, is_forged = _read(data)
        if self._threads.statistics().tasks_waiting >= WAITING:
            raise NodeError(Why.BUSY, "busy", "Too many previews wait.", "Ask again in a second.")
        state = self._chain.head.state
        nonce = self._chain.mempool.next_nonce(state, transaction.signer)
        work = partial(_preview, state, transaction, is_forged=is_forged)
        found = await trio.to_thread.run_sync(work, limiter=self._threads)
        return present_preview(found, transaction, nonce)


def present_preview(found: Preview, transaction: Transaction, nonce: int) -> PreviewAnswer:
    """Return a preview as the door shows it."""
    problem, refusal = found.problem, found.refusal
    code = error = message = remedy = None
    if refusal is not None:
        code, error = int(refusal.code), type(refusal).__name__
        message, remedy = _word(refusal, transaction), refusal.remedy
    elif problem is not None:
        error, message = "InvalidTransaction", f"{problem}."
        remedy = "Correct it." if problem.is_final else _UNAFFORDABLE
    outcome = "impossible" if problem else "fails" if refusal else "succeeds"
    return PreviewAnswer(
        height=found.height,
        outcome=outcome,
        fee=found.fee,
        tip=transaction.tip,
        nonce=nonce,
        code=0 if outcome == "succeeds" else code,
        error=error,
        message=message,
        remedy=remedy,
        events=tuple(present_event(event)[1] for event in found.events),
        effects=tuple(
            EffectRow(
                effect.what.value,
                effect.netuid,
                tuple(format_address(key) for key in effect.who),
                effect.before,
                effect.after,
            )
            for effect in found.effects
        ),
        writes=found.writes,
    )


def _preview(state: State, transaction: Transaction, *, is_forged: bool) -> Preview:
    found = preview(state, transaction)
    if not is_forged:
        return found
    problem: InvalidTransaction = MalformedTransaction("the signature is not the signer's")
    return Preview(found.height, found.fee, problem, None, (), (), ())


def _read(data: bytes) -> tuple[Transaction, bool]:
    """Return a transaction and whether it carries a signature that is not its signer's."""
    try:
        if data[:1] != _SIGNED_HEAD:
            return codec.decode(Transaction, data, ENCODING_BYTES_MAX), False
        signed = codec.decode(SignedTransaction, data, ENCODING_BYTES_MAX)
    except DecodeError as error:
        remedy = "Send the canonical CBOR of a Transaction or a SignedTransaction."
        raise bad_request(str(error), remedy) from error
    return signed.transaction, not crypto.is_transaction_signed(signed)


def _word(refusal: CallError, transaction: Transaction) -> str:
    """Return what happened: what the kind of refusal means, and its figures.

    The law writes keys as digits; those that the transaction names become addresses again.
    """
    meaning = (type(refusal).__doc__ or "").partition("\n")[0].rstrip(".")
    figures = str(refusal)
    for key in (transaction.signer, *_list_keys(transaction.call)):
        figures = figures.replace(key.hex(), format_address(key))
    return f"{meaning}: {figures}." if figures else f"{meaning}."


def _list_keys(call: Call) -> Iterator[PublicKey]:
    """Yield the keys that a call names."""
    for name, kind in get_type_hints(type(call)).items():
        if kind is PublicKey:
            yield getattr(call, name)
    if isinstance(call, SetChildren):
        yield from (child.hotkey for child in call.children)
