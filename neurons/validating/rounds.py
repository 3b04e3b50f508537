"""Ask miners, score them, commit weights, reveal them on time.

Two loops side by side. *Rounds*: one fresh challenge, the same for every serving miner (their luck
is then the same, so far fewer rounds tell two models apart), asked under one deadline; receipts and
answers verified, copies paid once (`neurons/validating/copies.py`); scores, receipts and cursor
written in one durable transaction before they count. Where the truth is public only later, the
answers are written in that transaction instead, and judged when their height is final
(`neurons/validating/pending.py`).
*Duties*: at every final height, commit or reveal what is due (`neurons/validating/duties.py`),
reading back from the chain what arrived.

Whose fault: an answer that is late, malformed, refused or signed by nobody is the miner's; `Busy`
counts half, after one more try; a lost connection is nobody's until it keeps happening; a judge's
own failure is ours. When nobody at all was heard in a round the fault may well be our own network,
so silence then counts as a lost connection. The numbers are in `neurons/validating/scoring.py`.

Crash-safe: a round that was not written never was. Its height is the cursor, and no recorded height
is asked again, so a restart loses or repeats at most the round in flight. The secret
of a commitment is durable before the commitment is sent, and is looked up by the digest the chain
holds: whatever was committed can be revealed.
"""

import secrets as randomness
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, TypeVarTuple

import trio

from consensus import codec
from consensus.calls.weights import CommitWeights, RevealWeights
from consensus.quantities import ZERO_HASH, Epoch, Hash32, Height, NetUid, PublicKey, Salt, Uid
from consensus.reward import commit_reveal
from consensus.reward.commit_reveal import WeightSecret
from consensus.types import MinerKey
from neurons.dice import Dice
from neurons.errors import SeriesNotKept
from neurons.ports import (
    ChainRecord,
    ChainView,
    Log,
    MetagraphView,
    NeuronView,
    Node,
    ValidatorMemory,
)
from neurons.task import (
    Challenge,
    ChallengeOrigin,
    Task,
    compute_challenge_seed,
    compute_origin_hash,
)
from neurons.validating import duties, judging, pending, scoring
from neurons.validating.asking import Asked, Delivered, Missed, ask_miner
from neurons.validating.judging import Rated
from neurons.validating.pending import PendingRound
from neurons.validating.scoring import MinerScore, Miss

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class RunInThread(Protocol):
    """Runs what blocks where it holds nobody up, as `trio.to_thread.run_sync` does."""

    def __call__(
        self,
        call: Callable[[*Arguments], Result],
        /,
        *args: *Arguments,
        limiter: trio.CapacityLimiter,
    ) -> Awaitable[Result]:
        """Return what `call` returns for `args`."""
        ...


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """How a validator asks."""

    netuid: NetUid
    deadline_s: float = 3.0
    """What a miner has to answer in, one retry after `Busy` included."""
    round_s: float = 2.0
    """Least time between the starts of two rounds; there is at most one per block."""
    miners_max: int = 0
    """Miners asked per round, drawn by the round's seed; 0: all."""
    concurrency: int = 16
    """Questions in flight at once."""
    scorer: Hash32 = ZERO_HASH
    """Content hash of the evaluation code at work, reported with every commitment."""


@dataclass(frozen=True, slots=True)
class MinerStanding:
    """One miner as this validator sees it."""

    uid: Uid
    hotkey: PublicKey
    score: float
    quality: float
    reliability: float
    latency_ms: float
    answers: int


@dataclass(frozen=True, slots=True)
class ValidatorStatus:
    """What health and status show of a validator."""

    height: Height
    epoch: Epoch
    has_permit: bool
    cursor: Height
    """Height of the last recorded round."""
    rounds: int
    """Rounds since this process started."""
    weights_age_epochs: int
    """Closed epochs without weights of ours; 0 is healthy."""
    reason: str
    """Why no weights are set just now; empty when nothing stands in the way."""
    miners: tuple[MinerStanding, ...]


class Validator:
    """One hotkey's judgement of one subnet, going on from `memory`. `run` is its life."""

    def __init__(
        self,
        node: Node,
        memory: ValidatorMemory,
        task: Task,
        settings: RoundSettings,
        log: Log,
        run_in_thread: RunInThread = trio.to_thread.run_sync,
    ) -> None:
        """`run_in_thread` runs the task's own work, which may take seconds."""
        self._run_in_thread = run_in_thread
        self._node = node
        self._memory = memory
        self._task = task
        self._settings = settings
        self._log = log
        self._cursor = memory.cursor
        self._scores = _unpack_scores(memory.scores)
        self._secrets: list[WeightSecret] = []
        self._rounds = 0
        self._thread = trio.CapacityLimiter(1)
        self._reason = "nothing was committed since this process started"
        self._submitted: tuple[str, Epoch, Height] | None = None

    @property
    def status(self) -> ValidatorStatus:
        """Where this validator stands, at the final head."""
        chain, meta = self._node.chain(), self._node.metagraph(self._settings.netuid)
        mine = _find(meta, self._node.hotkey)
        revealed = self._node.weights_state(meta.netuid).revealed_epoch
        age = 0
        if mine is not None:
            age = duties.compute_weights_age(chain.height, meta, revealed, mine.registered_block)
        return ValidatorStatus(
            height=chain.height,
            epoch=commit_reveal.compute_epoch(chain.height, meta.tempo),
            has_permit=mine is not None and mine.has_permit,
            cursor=self._cursor,
            rounds=self._rounds,
            weights_age_epochs=age,
            reason=self._reason,
            miners=self._describe_miners(meta),
        )

    async def run(self) -> None:
        """Ask, judge and set weights for ever.

        Raises:
            What the memory raises when the disk fails: that ends the node's nursery.
        """
        self._secrets = list(await self._node.load_weights(self._settings.netuid))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_rounds)
            nursery.start_soon(self._run_duties)

    # -- rounds -----------------------------------------------------------------------------------

    async def _run_rounds(self) -> None:
        while True:
            await self._node.wait_height(Height(self._cursor + 1))
            began = trio.current_time()
            chain = self._node.chain()
            meta = self._node.metagraph(self._settings.netuid)
            await self._judge_ripe(chain, meta)
            if _has_permit(meta, self._node.hotkey):
                await self._run_round(chain, meta)
            await self._node.wait_height(Height(chain.height + 1))
            await trio.sleep_until(began + self._settings.round_s)

    async def _run_round(self, chain: ChainView, meta: MetagraphView) -> None:
        """Ask every chosen miner the challenge of this height; record what came of it."""
        seed = self._make_seed(chain, meta)
        targets = self._choose_miners(meta, seed)
        record = self._node.record()
        challenge = await self._sample(chain, seed, record, len(targets)) if targets else None
        if challenge is None:
            self._cursor = chain.height
            return
        asked = await self._ask_all(targets, challenge)
        delivered = {key: each for key, each in asked.items() if isinstance(each, Delivered)}
        receipts = [codec.encode(each.receipt) for each in delivered.values() if each.receipt]
        rated = judging.rate_misses(asked)
        rows: dict[bytes, bytes | None] = {}
        if challenge.ripe_at > chain.height and delivered:
            scorer = self._settings.scorer
            rows |= pending.encode_round(PendingRound(chain.height, challenge, scorer, delivered))
        else:
            rated |= await self._rate(meta, challenge, delivered, record)
        await self._record(chain.height, meta, rated, receipts, rows)
        self._rounds += 1

    async def _sample(
        self, chain: ChainView, seed: bytes, record: ChainRecord, miners: int
    ) -> Challenge | None:
        """Return the challenge of this height; None, and log why, when there can be none.

        That is our own fault or nobody's, so nobody is asked and nobody judged.
        """
        try:
            challenges = await self._run_in_thread(
                self._task.sample, seed, 1, record, limiter=self._thread
            )
        except (OSError, SeriesNotKept) as error:
            self._log("no_challenge", reason=str(error))
            return None
        challenge = challenges[0]
        if challenge.ripe_at <= chain.height:
            return challenge
        ahead, kept = challenge.ripe_at - chain.height, self._memory.pending
        if ahead > pending.BLOCKS_AHEAD_MAX:
            self._log("no_challenge", reason=f"it could be judged only in {ahead} blocks")
        elif not pending.has_room(kept, miners, self._task.answer_bytes_max):
            self._log("no_challenge", reason=f"{len(kept)} answers wait to be judged")
        else:
            return challenge
        return None

    async def _judge_ripe(self, chain: ChainView, meta: MetagraphView) -> None:
        """Judge every kept round whose height has come, the first that ripened first."""
        stale = pending.find_stale(self._memory.pending, chain.height, _list_registered(meta))
        if stale:
            await self._record(self._cursor, meta, {}, (), {})
        while (head := pending.find_ripe(self._memory.pending, chain.height)) is not None:
            keys = pending.list_round(self._memory.pending, head)
            kept = pending.decode_round(self._memory.pending, head)
            rated = {} if kept is None else await self._rate_kept(meta, kept)
            await self._record(self._cursor, meta, rated, (), dict.fromkeys(keys))

    async def _rate_kept(self, meta: MetagraphView, kept: PendingRound) -> dict[MinerKey, Rated]:
        """Judge a kept round; nobody, and log why, if it can't be: it would fail again for ever."""
        if kept.scorer != self._settings.scorer:
            self._log("round_dropped", asked_at=kept.asked_at, reason="another task asked it")
            return {}
        registered = _list_registered(meta)
        answers = {key: each for key, each in kept.answers.items() if key in registered}
        try:
            return await self._rate(meta, kept.challenge, answers, self._node.record())
        except Exception as error:  # noqa: BLE001 - a task's bug must not end every later life too
            reason = f"{type(error).__name__}: {error}"
            self._log("round_dropped", asked_at=kept.asked_at, reason=reason)
            return {}

    async def _rate(
        self,
        meta: MetagraphView,
        challenge: Challenge,
        delivered: Mapping[MinerKey, Delivered],
        record: ChainRecord,
    ) -> dict[MinerKey, Rated]:
        """Judge `delivered` in a thread."""
        return await self._run_in_thread(
            judging.rate_answers,
            self._task,
            meta,
            challenge,
            delivered,
            record,
            limiter=self._thread,
        )

    def _make_seed(self, chain: ChainView, meta: MetagraphView) -> bytes:
        origin = ChallengeOrigin(
            chain_id=chain.chain_id,
            mix=chain.mix,
            netuid=meta.netuid,
            epoch=commit_reveal.compute_epoch(chain.height, meta.tempo),
            hotkey=self._node.hotkey,
            height=chain.height,
        )
        return compute_challenge_seed(origin, self._node.sign(compute_origin_hash(origin)))

    def _choose_miners(self, meta: MetagraphView, seed: bytes) -> list[NeuronView]:
        serving = [
            neuron
            for neuron in meta.neurons
            if neuron.peer_id is not None and neuron.hotkey != self._node.hotkey
        ]
        drawn = Dice(seed + b"miners").shuffle(serving)
        return drawn[: self._settings.miners_max or len(drawn)]

    async def _ask_all(
        self, targets: list[NeuronView], challenge: Challenge
    ) -> dict[MinerKey, Asked]:
        """Ask `targets`, a bounded number at once; every one of them gets an outcome."""
        results: dict[MinerKey, Asked] = {}
        limit = trio.CapacityLimiter(self._settings.concurrency)

        async def ask(miner: NeuronView) -> None:
            async with limit:
                asked = Missed(Miss.LATE, f"no answer in {self._settings.deadline_s:g} s")
                with trio.move_on_after(self._settings.deadline_s):
                    asked = await ask_miner(
                        self._node, self._task, self._settings.netuid, miner, challenge
                    )
            results[_key(miner)] = asked

        async with trio.open_nursery() as nursery:
            for miner in targets:
                nursery.start_soon(ask, miner)
        silent = (Miss.LATE, Miss.UNREACHABLE)
        missed = {key: each for key, each in results.items() if isinstance(each, Missed)}
        if len(missed) == len(results) and all(each.miss in silent for each in missed.values()):
            return {key: replace(each, miss=Miss.UNREACHABLE) for key, each in missed.items()}
        return results

    async def _record(
        self,
        cursor: Height,
        meta: MetagraphView,
        rated: Mapping[MinerKey, Rated],
        receipts: Sequence[bytes],
        rows: Mapping[bytes, bytes | None],
    ) -> None:
        """Write what came of a round, or of judging one; only then let it count."""
        new = {
            key: scoring.update(self._scores.get(key, MinerScore()), each.outcome)
            for key, each in rated.items()
        }
        registered = _list_registered(meta)
        gone = [key for key in self._scores if key not in registered]
        changes = {key: scoring.pack_score(score) for key, score in new.items()}
        stale = pending.find_stale(self._memory.pending, self._node.chain().height, registered)
        await self._memory.write(
            cursor,
            {**changes, **dict.fromkeys(gone)},
            receipts,
            {**rows, **dict.fromkeys(stale)},
        )
        self._scores = {key: self._scores[key] for key in self._scores if key in registered} | new
        self._cursor = cursor
        for key, each in rated.items():
            if each.reason:
                name = key.hotkey.hex()[:8]
                self._log("miner_missed", miner=name, why=str(each.outcome), reason=each.reason)

    # -- duties -----------------------------------------------------------------------------------

    async def _run_duties(self) -> None:
        while True:
            height = self._node.chain().height
            await self._do_duty(height, self._node.metagraph(self._settings.netuid))
            await self._node.wait_height(Height(height + 1))

    async def _do_duty(self, height: Height, meta: MetagraphView) -> None:
        """Submit the reveal or the commitment that is due at `height`, if any."""
        state = self._node.weights_state(meta.netuid)
        due = duties.find_due_reveal(height, meta, state, self._secrets)
        if due is not None:
            await self._submit("reveal", due.row.epoch, height, due.row)
            return
        epoch = duties.get_commit_epoch(height, meta, self._node.hotkey)
        if epoch is None or duties.is_committed(epoch, state, self._secrets):
            return
        misfit = duties.find_misfit(meta, self._settings.scorer)
        if misfit:
            if misfit != self._reason:
                self._log("scorer_misfit", reason=misfit)
            self._reason = misfit
            return
        secret = await self._get_secret(epoch, meta)
        if secret is not None:
            call = CommitWeights(meta.netuid, epoch, secret.digest, self._settings.scorer)
            await self._submit("commit", epoch, height, call)

    async def _submit(
        self, kind: str, epoch: Epoch, height: Height, call: CommitWeights | RevealWeights
    ) -> None:
        """Submit `call`, unless the same was submitted a moment ago."""
        last = self._submitted
        is_same = last is not None and last[:2] == (kind, epoch)
        if last is not None and is_same and height < last[2] + duties.RESUBMIT_BLOCKS:
            return
        self._submitted = (kind, epoch, height)
        self._log("weights_submitted", kind=kind, epoch=epoch, height=height)
        await self._node.submit(call)

    async def _get_secret(self, epoch: Epoch, meta: MetagraphView) -> WeightSecret | None:
        """Return the secret to commit in `epoch`: the kept one, or a new one made durable first.

        Those of later epochs are from before the subnet's tempo grew, and are forgotten.
        """
        self._secrets = [each for each in self._secrets if each.row.epoch <= epoch]
        fitting = (each for each in self._secrets if duties.is_allowed(each, meta))
        kept = next((each for each in fitting if each.row.epoch == epoch), None)
        if kept is not None:
            return kept
        if not _has_permit(meta, self._node.hotkey):
            self._reason = "this hotkey has no validator permit"
            return None
        scores = scoring.compute_scores(self._standings(meta))
        uids, values = scoring.to_weights(scores, meta.max_weight, meta.min_allowed_weights)
        if not uids:
            self._reason = "too few miners have answered to fill a row of weights"
            return None
        row = RevealWeights(
            netuid=meta.netuid,
            epoch=epoch,
            salt=Salt(randomness.token_bytes(32)),
            version=meta.scorer_version,
            uids=uids,
            values=values,
        )
        chain_id = self._node.chain().chain_id
        secret = commit_reveal.make_secret(chain_id, self._node.hotkey, row)
        await self._node.keep_weights(secret)
        horizon = epoch - 1  # the epoch before may still be in its reveals
        self._secrets = [each for each in self._secrets if each.row.epoch >= horizon] + [secret]
        self._reason = ""
        return secret

    # -- views ------------------------------------------------------------------------------------

    def _standings(self, meta: MetagraphView) -> dict[Uid, MinerScore]:
        """Return the standing of every registered neuron that was ever asked, by uid."""
        keyed = {neuron.uid: self._scores.get(_key(neuron)) for neuron in meta.neurons}
        return {uid: score for uid, score in keyed.items() if score is not None}

    def _describe_miners(self, meta: MetagraphView) -> tuple[MinerStanding, ...]:
        standings = self._standings(meta)
        scores = scoring.compute_scores(standings)
        hotkeys = {neuron.uid: neuron.hotkey for neuron in meta.neurons}
        return tuple(
            MinerStanding(
                uid=uid,
                hotkey=hotkeys[uid],
                score=scores[uid],
                quality=each.quality,
                reliability=each.reliability,
                latency_ms=each.latency_ms,
                answers=each.answers,
            )
            for uid, each in sorted(standings.items())
        )


def _key(neuron: NeuronView) -> MinerKey:
    return MinerKey(neuron.hotkey, neuron.registered_block)


def _find(meta: MetagraphView, hotkey: PublicKey) -> NeuronView | None:
    return next((neuron for neuron in meta.neurons if neuron.hotkey == hotkey), None)


def _has_permit(meta: MetagraphView, hotkey: PublicKey) -> bool:
    mine = _find(meta, hotkey)
    return mine is not None and mine.has_permit


def _list_registered(meta: MetagraphView) -> frozenset[MinerKey]:
    return frozenset(_key(neuron) for neuron in meta.neurons)


def _unpack_scores(rows: Mapping[MinerKey, bytes]) -> dict[MinerKey, MinerScore]:
    """Return the standings of `rows`, without those that another version wrote."""
    read = {key: scoring.unpack_score(row) for key, row in rows.items()}
    return {key: score for key, score in read.items() if score is not None}
