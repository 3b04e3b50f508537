"""The backend `python:package.module:Class`: a class of the operator's own.

It is imported as Python imports anything, from what is installed beside neurond or lies in a folder
of PYTHONPATH. `docs/backends.md` has a complete example.
"""

from importlib import import_module
from typing import cast

from neurons.backends.backend import MakeModel
from neurons.errors import InvalidBackend

PREFIX = "python:"


def check_path(path: str) -> tuple[str, str]:
    """Return the module and the name in it of `package.module:Class`; imports nothing.

    Raises:
        InvalidBackend: it is not of this form.
    """
    module, _, name = path.partition(":")
    if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise InvalidBackend(f"{path!r} is not of the form package.module:Class")
    return module, name


def load_class(path: str) -> MakeModel:
    """Import the class of `path`, `package.module:Class`: only ever in the worker's process.

    Raises:
        InvalidBackend: it is of another form, or the module has nothing callable of that name.
        Exception: whatever importing it raises.
    """
    module, name = check_path(path)
    found: object = getattr(import_module(module), name, None)
    if not callable(found):
        raise InvalidBackend(f"the module {module} has no class {name}")
    return cast("MakeModel", found)  # its first answers show whether it is one
