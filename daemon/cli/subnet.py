"""`neurond subnet`: a market as its owner sees it; the same verbs as `tx` and `query` have."""

from daemon.cli.groups import make_group
from daemon.cli.query.app import make_query
from daemon.cli.query.owner import SHOW
from daemon.cli.tx.app import make_verb
from daemon.cli.tx.catalog import get_entry

VERBS = {
    "create": "register-subnet",
    "start": "start-subnet",
    "set": "set-hyperparameter",
    "mechanism": "set-mechanism",
    "identity": "set-subnet-identity",
}
"""The owner's word for each verb of `neurond tx`."""

subnet = make_group("subnet", "Open a market, start it, set its rules; see it as its owner does.")
for _name, _verb in VERBS.items():
    subnet.add_command(make_verb(get_entry(_verb), _name, "subnet"))
subnet.add_command(make_query(SHOW, "subnet"))
