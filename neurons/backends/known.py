"""The backends by name: built in, installed, or an operator's own class; looked up, not imported.

An installed package adds one with an entry point of the group `neurond.backends`, of which
`name = "package.module:make_backend"` names a callable that takes a `Setup` and returns a `Model`.
"""

import json
from collections.abc import Mapping
from importlib.metadata import entry_points

from consensus.crypto import hash32
from consensus.quantities import Hash32
from neurons.backends import python
from neurons.backends.backend import MakeModel
from neurons.errors import InvalidBackend

GROUP = "neurond.backends"
BUILTIN = "builtin"
_BUILT_IN: Mapping[str, str] = {BUILTIN: "neurons.backends.builtin:make_backend"}
"""Known from a checkout too, where nothing is installed."""


def find_backend(name: str) -> str:
    """Return where the backend `name` is, as `package.module:name`; imports nothing.

    Raises:
        InvalidBackend: there is none of that name; the message lists those there are.
    """
    if name.startswith(python.PREFIX):
        path = name.removeprefix(python.PREFIX)
        python.check_path(path)
        return path
    known = {point.name: point.value for point in entry_points(group=GROUP)} | dict(_BUILT_IN)
    if name not in known:
        names = ", ".join([*sorted(known), "python:package.module:Class"])
        raise InvalidBackend(f"no backend {name!r}: known are {names}")
    return known[name]


def load_backend(name: str) -> MakeModel:
    """Import the backend `name`: only ever in the worker's process.

    Raises:
        InvalidBackend: there is none of that name, or it is nothing that can be called.
        Exception: whatever importing it raises.
    """
    return python.load_class(find_backend(name))


def compute_model_hash(name: str, options: Mapping[str, object]) -> Hash32:
    """Hash a backend's name and its options: what a miner says on the chain of its model.

    The order in which options were written does not matter.
    """
    text = json.dumps([name, dict(options)], sort_keys=True, separators=(",", ":"))
    return hash32(b"neurond/model", text.encode())
