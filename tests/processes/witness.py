"""A silent member of the network that writes down every vote it hears.

It is what an accuser would be: an outsider (a thread here) with the chain id and a connection.
"""

import os
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from itertools import combinations

import trio

from consensus.agreement.views import is_conflict
from consensus.parcels import read_vote
from consensus.quantities import Hash32, ValidatorIndex, View
from consensus.types import Vote
from consensus.verdict import Accept, Verdict
from p2p.network import NetworkSettings, Topic, open_network
from scripts.tools.devnet.plan import peer_address
from tests.processes.cluster import Cluster, wait_until


class Witness:
    """Every vote heard; `conflicts` are those that no honest validator makes together."""

    def __init__(self, cluster: Cluster, chain_id: Hash32) -> None:
        options = cluster.state.options
        self._settings = NetworkSettings(
            bootstrap=tuple(peer_address(options, plan) for plan in cluster.nodes)
        )
        self._chain_id = chain_id
        self._votes: dict[tuple[ValidatorIndex, View], set[Vote]] = defaultdict(set)
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self.peers = 0

    @property
    def count(self) -> int:
        """How many different votes were heard."""
        return sum(len(votes) for votes in tuple(self._votes.values()))

    def conflicts(self) -> list[tuple[Vote, Vote]]:
        return [
            (first, second)
            for votes in self._votes.values()
            for first, second in combinations(votes, 2)
            if is_conflict(first, second)
        ]

    def run(self) -> None:
        trio.run(self._listen)

    def stop(self) -> None:
        if self._token is not None:
            self._token.run_sync_soon(self._scope.cancel)

    async def _listen(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope:
            async with open_network(
                self._settings, os.urandom(32), self._chain_id, self._judge, {}
            ) as network:
                while True:
                    self.peers = len(network.peers())
                    await trio.sleep(0.1)

    async def _judge(self, topic: Topic, _peer: bytes, payload: bytes) -> Verdict:
        if topic is Topic.VOTE:
            message = read_vote(payload)
            if isinstance(message, Vote):
                self._votes[message.signer, message.view].add(message)
        return Accept()


@contextmanager
def witnessing(cluster: Cluster) -> Generator[Witness]:
    """Listen to all votes while the block runs; fail if it heard a contradiction, or nothing."""
    status = cluster.status(0)
    assert status is not None
    witness = Witness(cluster, Hash32(bytes.fromhex(status.chain_id)))
    thread = threading.Thread(target=witness.run, name="witness")
    thread.start()
    try:
        wait_until(lambda: witness.peers == len(cluster.nodes), 30, "the witness hears all nodes")
        yield witness
    finally:
        witness.stop()
        thread.join(10)
    assert witness.count > 0
    assert witness.conflicts() == []
