"""Ask one miner one question and find out whose fault it is when nothing comes of it."""

import secrets as randomness
from dataclasses import dataclass

import trio

from consensus import codec
from consensus.errors import DecodeError
from consensus.quantities import Bytes16, Bytes64K, NetUid
from neurons import messages
from neurons.errors import MalformedAnswer, MinerBusy, NodeUnreachable, PeerFault
from neurons.messages import Busy, Completion, Query, Refusal, SignedQuery, SignedReceipt
from neurons.ports import NeuronView, Node
from neurons.task import Challenge, Task
from neurons.validating.scoring import Miss

RETRIES = 1
"""A miner that says `Busy` is asked so many times more, if the deadline allows the wait."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """An answer that came in time, not judged yet; its receipt until that is written."""

    answer: bytes
    latency_ms: float
    receipt: SignedReceipt | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """Why no answer came."""

    miss: Miss
    reason: str


Asked = Delivered | Missed
"""What became of one question."""


async def ask_miner(
    node: Node, task: Task, netuid: NetUid, miner: NeuronView, challenge: Challenge
) -> Asked:
    """Ask `miner` the challenge; return its answer, or what kept it from coming.

    The deadline is the caller's cancel scope: being cancelled by it means the miner was late.
    """
    asked = await _ask_once(node, task, netuid, miner, challenge)
    for _ in range(RETRIES):
        if not isinstance(asked, Busy):
            break
        again_s = trio.current_time() + asked.retry_ms / 1_000
        if again_s >= trio.current_effective_deadline():
            break  # it said so in time: busy, not late
        await trio.sleep_until(again_s)
        asked = await _ask_once(node, task, netuid, miner, challenge)
    return Missed(Miss.BUSY, "busy") if isinstance(asked, Busy) else asked


async def _ask_once(
    node: Node, task: Task, netuid: NetUid, miner: NeuronView, challenge: Challenge
) -> Asked | Busy:
    assert miner.peer_id is not None
    query = Query(
        netuid=netuid,
        query_id=Bytes16(randomness.token_bytes(16)),
        asker=node.hotkey,
        miner=miner.hotkey,
        time_ms=node.now_ms(),
        body=Bytes64K(challenge.body),
    )
    query_hash = messages.compute_query_hash(node.chain().chain_id, query)
    payload = codec.encode(SignedQuery(query, node.sign(query_hash)))
    began = trio.current_time()
    try:
        data = await node.ask(miner.peer_id, payload)
    except NodeUnreachable as error:
        return Missed(Miss.UNREACHABLE, str(error))
    except MinerBusy as error:
        return Busy(messages.clip_retry(error.retry_ms))
    except PeerFault as error:
        return Missed(Miss.FAULT, str(error))
    latency_ms = (trio.current_time() - began) * 1_000
    try:
        reply = messages.decode_reply(data)
        if isinstance(reply, Completion):
            messages.check_completion(reply, query_hash, miner.hotkey)
    except (DecodeError, MalformedAnswer) as error:
        return Missed(Miss.FAULT, str(error))
    match reply:
        case Completion():
            return _check_answer(node, task, challenge, reply, latency_ms)
        case Busy():
            return reply
        case Refusal():
            return Missed(Miss.REFUSED, f"{reply.code.name}: {reply.message}")


def _check_answer(
    node: Node, task: Task, challenge: Challenge, reply: Completion, latency_ms: float
) -> Asked:
    """Return the answer of `reply`, unless it is too long or came too late to be a belief."""
    size = len(reply.answer)
    if size > task.answer_bytes_max:
        return Missed(Miss.FAULT, f"{size} bytes where {task.answer_bytes_max} may be")
    if node.chain().height >= challenge.closes_at:
        return Missed(Miss.LATE, f"height {challenge.closes_at} was final before it came")
    return Delivered(reply.answer, latency_ms, SignedReceipt(reply.receipt, reply.signature))
