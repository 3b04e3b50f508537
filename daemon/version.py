"""Which neurond this is."""

from importlib.metadata import PackageNotFoundError, version

PROTOCOL_VERSION = 1
"""The newest version of the law this neurond knows; it stops before a block that needs a newer one.
It also knows all former ones: raise it with the first change that a vote must switch on."""
CHECKOUT_VERSION = "0.1.0"
"""What a checkout that was never installed is; a test holds it equal to pyproject.toml."""


def read_version() -> str:
    """Return the installed package's version, or the checkout's."""
    try:
        return version("neurond")
    except PackageNotFoundError:
        return CHECKOUT_VERSION
