"""The verbs of `neurond tx`, made from their entries, and `tx consent`."""

import click

from daemon.cli.groups import make_group
from daemon.cli.options import (
    DRY_RUN,
    JSON,
    SIGNER,
    SIGNING,
    TIP,
    VALID_FOR,
    WAIT,
    YES,
    Common,
    Verb,
)
from daemon.cli.tx.catalog import ENTRIES
from daemon.cli.tx.consent_verb import consent
from daemon.cli.tx.entry import TxEntry
from daemon.cli.tx.flow import run_entry

COMMON = (SIGNER, TIP, VALID_FOR, DRY_RUN, WAIT, *SIGNING, JSON, YES)
"""What every verb of `neurond tx` takes."""


def make_verb(entry: TxEntry, name: str, group: str) -> click.Command:
    """Return the verb of `entry`, called `name` in `group`."""

    def run(common: Common, **texts: object) -> None:
        run_entry(entry, texts, common)

    example = entry.example.replace(f"neurond tx {entry.verb}", f"neurond {group} {name}", 1)
    return Verb(
        name,
        callback=run,
        params=[*(prompt.make_parameter() for prompt in entry.prompts()), *COMMON],
        help=f"{entry.summary}\n\nSigned by a {entry.signer}. --dry-run shows what it would do.",
        epilog=f"Example: {example}",
    )


tx = make_group("tx", "Change the chain: transfer, stake, register, vote and all other calls.")
for _entry in ENTRIES:
    tx.add_command(make_verb(_entry, _entry.verb, "tx"))
tx.add_command(consent)
