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
from neurons.ports import ChainRecord, NeuronView, Node
from neurons.task import Challenge, Fault, Judged, Task, Whose
from neurons.validating.scoring import Answered, Miss, Outcome

RETRIES = 1
"""A miner that says `Busy` is asked so many times more, if the deadline allows the wait."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one question; `answer` and `receipt` are there when it could be judged."""

    outcome: Outcome
    reason: str = ""
    receipt: SignedReceipt | None = None
    answer: bytes = b""


async def ask_miner(
    node: Node, task: Task, netuid: NetUid, miner: NeuronView, challenge: Challenge
) -> Asked:
    """Ask `miner` the challenge and judge its answer.

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
    return Asked(Miss.BUSY, "busy") if isinstance(asked, Busy) else asked


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
        return Asked(Miss.UNREACHABLE, str(error))
    except MinerBusy as error:
        return Busy(messages.clip_retry(error.retry_ms))
    except PeerFault as error:
        return Asked(Miss.FAULT, str(error))
    latency_ms = (trio.current_time() - began) * 1_000
    try:
        reply = messages.decode_reply(data)
        if isinstance(reply, Completion):
            messages.check_completion(reply, query_hash, miner.hotkey)
    except (DecodeError, MalformedAnswer) as error:
        return Asked(Miss.FAULT, str(error))
    match reply:
        case Completion():
            return _judge(task, challenge, reply, latency_ms, node.record())
        case Busy():
            return reply
        case Refusal():
            return Asked(Miss.REFUSED, f"{reply.code.name}: {reply.message}")


def _judge(
    task: Task, challenge: Challenge, reply: Completion, latency_ms: float, record: ChainRecord
) -> Asked:
    judgement = task.verify(challenge, reply.answer, record)
    match judgement:
        case Judged():
            receipt = SignedReceipt(reply.receipt, reply.signature)
            outcome = Answered(judgement.quality, latency_ms)
            return Asked(outcome, receipt=receipt, answer=reply.answer)
        case Fault(whose=Whose.MINER):
            return Asked(Miss.FAULT, judgement.reason)
        case Fault():
            return Asked(Miss.EXCUSED, judgement.reason)
