"""`neurond subnet`: a market as its owner sees it; the same verbs as `tx` and `query` have."""

from daemon.cli.groups import make_group
from daemon.cli.query import make_query
from daemon.cli.tx.app import make_verb
from daemon.cli.tx.catalog import get_entry
from daemon.views.catalog import list_verbs

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
for _name, _view, _lens in list_verbs("subnet"):
    subnet.add_command(make_query(_name, _view, _lens))
