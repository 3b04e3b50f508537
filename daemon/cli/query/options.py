"""The options of every verb that asks about the state."""

from typing import Annotated

import typer

from consensus.quantities import U64_MAX

HeightOption = Annotated[
    int | None,
    typer.Option(
        "--height",
        help="As of that final block; else the newest.",
        min=0,
        max=U64_MAX,
        show_default=False,
    ),
]
ProofFlag = Annotated[
    bool,
    typer.Option(
        "--proof", help="Believe nothing but the genesis of --network: check the node's proof."
    ),
]
