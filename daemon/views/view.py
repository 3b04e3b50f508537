"""How a read is declared: once, as a function under `of_state` or `of_node`.

    @of_state("/chain/supply/{netuid}", "query supply", "1", "Supply of coin {netuid}")
    def supply(state: Reading, netuid: NetUidInput = NetUid(0)) -> SupplyAnswer:
        "Where every rao of TAO, or of a subnet's alpha, is."

The path, the function's parameters with their bounds, the first line of its docstring and the
answer's fields with their units (`daemon/unit.py`) are all there is: the HTTP route, its OpenAPI
text, the client's path, the verb and what the verb prints are made from them. A parameter in the
path is an argument of the verb, any other an option; its default is the route's and the verb's.

What is asked of the state is a pure function of the ledger. So it can be asked of any kept height,
and a client computes it again from the entries of a proof: it must read nothing but the ledger, and
read it by `get` where it can, because what a scan finds can be proven, but not that nothing was
left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, replace
from inspect import Parameter, signature
from typing import (
    TYPE_CHECKING,
    Annotated,
    ClassVar,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
)
from urllib.parse import urlencode

from consensus.ledger.state import Reading
from daemon import unit
from daemon.views.inputs import Input

if TYPE_CHECKING:
    from daemon.views.face import NodeFace


@dataclass(frozen=True, slots=True)
class ValidatorRow:
    """A member of a validator set."""

    consensus_key: Annotated[str, unit.data("The key it votes with.", is_cut=True)]
    hotkey: Annotated[str, unit.address("Whose votes they are.")]
    stake: Annotated[int, unit.rao("What its votes weigh.")]


@dataclass(frozen=True, slots=True)
class ProofPart:
    """What shows that an answer was computed from the state after block `height`.

    Check it with `consensus.agreement.light.check_proof` and the validator set of genesis, then
    compute the answer again from the entries.
    """

    height: Annotated[int, unit.height("Of the state.")]
    complete: Annotated[
        bool,
        unit.flag("False: it took a scan. Every entry is proven, but not that there are no more."),
    ]
    entries: Annotated[
        tuple[tuple[str, str | None], ...],
        unit.data("State keys and their values; null where the state has no such key."),
    ]
    tree: Annotated[
        str,
        unit.data("The Merkle tree without what was not read (`consensus.merkle.prove_keys`)."),
    ]
    headers: Annotated[
        tuple[str, ...],
        unit.data("Canonical CBOR, oldest first: that of `height` + 1 has the state root."),
    ]
    certificate: Annotated[str, unit.data("Canonical CBOR; makes the last of the headers final.")]
    validators: Annotated[
        tuple[ValidatorRow, ...],
        unit.part("Whose certificate it is; the header has their hash: compare it."),
    ]


AtHeight = Annotated[int, unit.height("The final block it is as of.", shown="never")]
Proof = Annotated[ProofPart | None, unit.part("With proof=1: what proves it.", shown="never")]


class StateAnswer(Protocol):
    """What is computed from the state of one height, says which, and can carry a proof."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def height(self) -> int:
        """The final block it is as of."""
        ...

    @property
    def proof(self) -> ProofPart | None:
        """What proves it."""
        ...


Answer = TypeVar("Answer", bound=StateAnswer)
Told = TypeVar("Told")
Told_co = TypeVar("Told_co", covariant=True)
Source = TypeVar("Source")
Source_contra = TypeVar("Source_contra", contravariant=True)
Asked = ParamSpec("Asked")


@dataclass(frozen=True, slots=True)
class Question(Generic[Source_contra, Told_co]):
    """A view with its parameters filled in."""

    path: str
    """Of its route; height and proof are added to the query."""
    answer: Callable[[Source_contra], Told_co]
    """Computes the answer; raises `NodeError` for what does not exist."""

    def at(self, height: int | None, *others: str) -> str:
        """Return the path that asks it as of a block (None: the newest), with more of a query."""
        parts = [*others] if height is None else [*others, f"height={height}"]
        query = "&".join(parts)
        return self.path + (query and f"{'&' if '?' in self.path else '?'}{query}")


StateQuestion = Question[Reading, Answer]


@dataclass(frozen=True, slots=True)
class Lens:
    """How a verb shows an answer: all that is shown by default, or `only` the named parts of it."""

    verb: str
    """The words after `neurond`."""
    example: str
    """What could be typed after them."""
    title: str
    """Braces stand for the answer's figures."""
    summary: str
    only: tuple[str, ...] = ()
    """Fields, `list.column` for a column."""


@dataclass(frozen=True, slots=True)
class View(Generic[Source_contra, Asked, Told_co]):
    """One read of the node; made by `of_state` and `of_node`."""

    path: str
    ask: Callable[Concatenate[Source_contra, Asked], Told_co]
    inputs: Mapping[str, Input]
    defaults: Mapping[str, object]
    """Of the parameters that may be left out."""
    kind: type[Told_co]
    """Of the answer."""
    lenses: tuple[Lens, ...]
    is_of_state: bool
    """Whether it can be asked of any height, and proven."""
    is_always_proven: bool = False

    def __call__(
        self, *asked: Asked.args, **named: Asked.kwargs
    ) -> Question[Source_contra, Told_co]:
        """Return the question that asks it with these parameters."""
        names = dict(zip(self.inputs, asked, strict=False)) | named
        values = {**self.defaults, **names}
        texts = {name: self.inputs[name].write(value) for name, value in values.items()}
        query = {
            name: found
            for name, found in texts.items()
            if not self.is_in_path(name) and values[name] is not None
        }
        path = self.path.format(**texts)
        if query:
            path += "?" + urlencode(query, doseq=True)

        def answer(source: Source_contra) -> Told_co:
            return self.ask(source, *asked, **named)

        return Question(path, answer)

    @property
    def summary(self) -> str:
        """What it tells, in a sentence."""
        return self.lenses[0].summary

    def is_in_path(self, name: str) -> bool:
        """Tell whether a parameter is part of the path rather than of the query."""
        return f"{{{name}}}" in self.path


def of_state(
    path: str, verb: str, example: str, title: str, *others: Lens, always_proven: bool = False
) -> Callable[[Callable[Concatenate[Reading, Asked], Answer]], View[Reading, Asked, Answer]]:
    """Return what makes a view of a function of the ledger; `others` are verbs that show it too."""

    def declare(ask: Callable[Concatenate[Reading, Asked], Answer]) -> View[Reading, Asked, Answer]:
        view = _declare(path, ask, (verb, example, title), others, is_of_state=True)
        return replace(view, is_always_proven=always_proven)

    return declare


def of_node(
    path: str, verb: str, example: str, title: str
) -> Callable[[Callable[Concatenate["NodeFace", Asked], Told]], View["NodeFace", Asked, Told]]:
    """Return what makes a view of a function of the running node."""

    def declare(
        ask: Callable[Concatenate["NodeFace", Asked], Told],
    ) -> View["NodeFace", Asked, Told]:
        return _declare(path, ask, (verb, example, title), (), is_of_state=False)

    return declare


def _declare(
    path: str,
    ask: Callable[Concatenate[Source, Asked], Told],
    words: tuple[str, str, str],
    others: tuple[Lens, ...],
    *,
    is_of_state: bool,
) -> View[Source, Asked, Told]:
    spelled = signature(ask)
    parameters = list(spelled.parameters.values())[1:]
    inputs = {each.name: _find_input(each.annotation) for each in parameters}
    defaults = {
        each.name: cast("object", each.default)
        for each in parameters
        if each.default is not Parameter.empty
    }
    summary = (ask.__doc__ or "").partition("\n")[0]
    lens = Lens(*words, summary)
    kind = cast("type[Told]", spelled.return_annotation)
    return View(path, ask, inputs, defaults, kind, (lens, *others), is_of_state)


def _find_input(hint: object) -> Input:
    """Return the mark of a parameter."""
    marks: tuple[object, ...] = getattr(hint, "__metadata__", ())
    return next(mark for mark in marks if isinstance(mark, Input))
