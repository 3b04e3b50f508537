"""`neurond` / `python -m daemon`: arguments to settings, settings to trio.run."""

import sys

from daemon.cli.app import main as run_cli


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_cli())


if __name__ == "__main__":
    main()
