"""A neuron's life in a subnet: in, out, what it serves and publishes, how it judges."""

from functools import partial

from consensus.calls.neurons import LeaveSubnet, PublishModel, RegisterNeuron, Serve
from consensus.calls.weights import CommitWeights, RevealWeights
from daemon.cli.tx.consents import consent, node_signature
from daemon.cli.tx.entry import Role, TxEntry
from daemon.cli.tx.fields import amount, hash32, hotkey, local, netuid, number, text, texts
from daemon.cli.tx.limits import cost_limit, read_market
from daemon.cli.tx.weighing import commit_fields, keep_salt, reveal_fields
from storage.keys.keyfile import KeyKind

_U32_MAX = 2**32 - 1
_PROTOCOLS_MAX = 8

ENTRIES = (
    TxEntry(
        "register",
        RegisterNeuron,
        Role.COLDKEY,
        "Give a hotkey a uid in a subnet.",
        "neurond tx register 1 --hotkey miner",
        "Register {hotkey} in subnet {netuid} for at most {max_price}.",
        (
            netuid(),
            hotkey(),
            cost_limit("max_price", partial(read_market, figure="burn"), "Most to pay."),
            consent(),
        ),
    ),
    TxEntry(
        "leave",
        LeaveSubnet,
        Role.COLDKEY,
        "Give up a hotkey's uid in a subnet.",
        "neurond tx leave 1 --hotkey miner",
        "Give up the uid of {hotkey} in subnet {netuid}.",
        (netuid(), hotkey()),
    ),
    TxEntry(
        "serve",
        Serve,
        Role.HOTKEY,
        "Announce where and at what price the hotkey answers queries.",
        "neurond tx serve 1 0.00001 4 --protocol text/1",
        "Announce that {node_key} answers {protocols} in subnet {netuid}, {capacity} at once, "
        "for {price} each.",
        (
            netuid(),
            amount("price", "What one query costs."),
            number("capacity", "Queries answered at once.", (0, _U32_MAX)),
            texts("protocols", "protocol", "A protocol it speaks.", _PROTOCOLS_MAX),
            hash32("model_hash", "Content hash of the model.", is_option=True),
            local("node_key", KeyKind.NODE, "The node key others know the node by."),
            node_signature(),
        ),
    ),
    TxEntry(
        "publish-model",
        PublishModel,
        Role.HOTKEY,
        "Commit the hotkey to a model's content; the block proves priority.",
        f"neurond tx publish-model 1 {'ab' * 32} https://models.example/mine",
        "Commit to the model {content} at {uri} in subnet {netuid}.",
        (
            netuid(),
            hash32("content", "Content hash of the model."),
            text("uri", "Where it can be fetched."),
        ),
    ),
    TxEntry(
        "commit-weights",
        CommitWeights,
        Role.HOTKEY,
        "Bind the hotkey to weights that it reveals after the epoch.",
        "neurond tx commit-weights 1 0=1 3=0.5",
        "Bind the signing hotkey to weights for epoch {epoch} of subnet {netuid}.",
        (netuid(), *commit_fields()),
        keep_salt,
    ),
    TxEntry(
        "reveal-weights",
        RevealWeights,
        Role.HOTKEY,
        "Open the commitment of the epoch that has just ended.",
        "neurond tx reveal-weights 1",
        "Open the weights of epoch {epoch} of subnet {netuid}.",
        (netuid(), *reveal_fields()),
    ),
)
"""The entries of this family."""
