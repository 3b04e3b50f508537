"""Which neurond this is."""

from importlib.metadata import PackageNotFoundError, version

CHECKOUT_VERSION = "0.1.0"
"""What a checkout that was never installed is; a test holds it equal to pyproject.toml."""


def read_version() -> str:
    """Return the installed package's version, or the checkout's."""
    try:
        return version("neurond")
    except PackageNotFoundError:
        return CHECKOUT_VERSION
