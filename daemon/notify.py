"""Tell the service manager (systemd) that we are ready, stopping, or alive; nothing without one.

Source: sd_notify(3): datagrams of NAME=VALUE lines to the socket named by `NOTIFY_SOCKET`.
"""

import os
import socket

WATCHDOG_USEC = "WATCHDOG_USEC"


def notify(state: str) -> bool:
    """Send `state` (say `READY=1`); False when nobody manages this process or listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        try:
            # '@' names a socket of the abstract space, whose real first byte is NUL.
            door.sendto(state.encode(), address.replace("@", "\0", 1))
        except OSError:
            return False
    return True


def watchdog_interval_s() -> float | None:
    """Return how often to say `WATCHDOG=1`: half of what the manager allows; None: never."""
    text = os.environ.get(WATCHDOG_USEC, "")
    return int(text) / 2_000_000 if text.isdecimal() and int(text) > 0 else None
