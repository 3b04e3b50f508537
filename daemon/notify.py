"""Tell the service manager (systemd) that we are ready, stopping, or alive; nothing without one.

Source: sd_notify(3), sd_watchdog_enabled(3): datagrams of NAME=VALUE lines to the socket named by
`NOTIFY_SOCKET`; `WATCHDOG_PID` says whose signs of life are awaited.
"""

import os
import socket


def notify(state: str) -> bool:
    """Send `state` (say `READY=1`) without waiting; False when nobody manages us or listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # a name of the abstract space, whose real first byte is NUL
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        door.settimeout(0)  # a manager that does not read must not stop the node
        try:
            door.sendto(state.encode(), address)
        except OSError:
            return False
    return True


def watchdog_interval_s() -> float | None:
    """Return how often to say `WATCHDOG=1`: half of what the manager allows; None: never."""
    text = os.environ.get("WATCHDOG_USEC", "")
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # it awaits another process, and we inherited its environment
    return int(text) / 2_000_000 if text.isdecimal() and int(text) > 0 else None
