"""Every read there is, found where it is declared: a file a family."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import cast

from consensus.ledger.state import Reading
from daemon.views import (
    accounts,
    blocks,
    channels,
    governance,
    neurons,
    node,
    stake,
    subnets,
    supply,
    transactions,
)
from daemon.views.face import NodeFace
from daemon.views.view import Lens, StateAnswer, View

FAMILIES: tuple[ModuleType, ...] = (
    accounts,
    neurons,
    subnets,
    supply,
    stake,
    governance,
    channels,
    blocks,
    transactions,
    node,
)
"""In the order in which help lists their verbs."""
StateView = View[Reading, ..., StateAnswer]
FaceView = View[NodeFace, ..., object]


def list_views(families: tuple[ModuleType, ...] = FAMILIES) -> Iterator[StateView | FaceView]:
    """Yield every read of the families, in the order in which they are declared."""
    for family in families:
        found = cast("Mapping[str, object]", vars(family)).values()
        for view in found:
            if isinstance(view, View):
                yield cast("StateView | FaceView", view)


def list_verbs(
    group: str, families: tuple[ModuleType, ...] = FAMILIES
) -> Iterator[tuple[str, StateView | FaceView, Lens]]:
    """Yield the verbs of a group by their last word: what each asks, and how it is shown."""
    for view in list_views(families):
        for lens in view.lenses:
            first, _, rest = lens.verb.rpartition(" ")
            if first == group:
                yield rest, view, lens
