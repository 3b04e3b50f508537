"""What a text setting must look like: names, multiaddrs, HOST:PORT, files and folders.

`find_fault` returns what is wrong and what is allowed, or None. Only the file system is asked, and
only whether something is there and may be used; nothing is opened, made or written.
"""

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from config.settings import Shape


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a value, and what is allowed instead."""

    message: str
    remedy: str


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_KEY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""As `storage/keys/keystore.py` has it: a file name on every system."""
_MULTIADDR = re.compile(
    r"/(ip4|ip6|dns|dns4|dns6)/([^/]+)/tcp/(\d{1,5})(?:/p2p/([A-Za-z0-9]{20,}))?"
)
_PORT_MAX = 65_535


def find_fault(shape: Shape, value: str | Path) -> Fault | None:
    """Return what keeps `value` from being a `shape`, or None when it is one."""
    text = str(value)
    match shape:
        case "name":
            return _name_fault(text)
        case "key":
            return _key_fault(text)
        case "multiaddr":
            return _multiaddr_fault(text, needs_peer=False)
        case "bootstrap":
            return _multiaddr_fault(text, needs_peer=True)
        case "listen":
            return _listen_fault(text)
        case "file":
            return _file_fault(Path(value))
        case "new folder":
            return _folder_fault(Path(value))
        case "network" | "text":
            return None if text else Fault("It is empty.", "Write some text.")


def split_listen(listen: str) -> tuple[str, int]:
    """Return host and port of a HOST:PORT that has no fault; an IPv6 host loses its brackets."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_fault(text: str) -> Fault | None:
    if _NAME.fullmatch(text):
        return None
    return Fault(f"{text!r} is no name.", "Use 1 to 64 letters, digits, '_', '.' or '-'.")


def _key_fault(text: str) -> Fault | None:
    if _KEY_NAME.fullmatch(text):
        return None
    remedy = "Use 1 to 32 of a-z, 0-9, '-' and '_', beginning with a letter or digit."
    return Fault(f"{text!r} is no key name.", remedy)


def _multiaddr_fault(text: str, *, needs_peer: bool) -> Fault | None:
    wanted = "Write for example /ip4/127.0.0.1/tcp/9945" + ("/p2p/PEER_ID." if needs_peer else ".")
    found = _MULTIADDR.fullmatch(text)
    if found is None or int(found[3]) > _PORT_MAX:
        return Fault(f"{text!r} is no TCP multiaddr.", wanted)
    if found[1] in ("ip4", "ip6") and not _is_ip(found[2], version=int(found[1][2])):
        return Fault(f"{found[2]!r} is no IPv{found[1][2]} address.", wanted)
    if needs_peer and found[4] is None:
        return Fault(
            f"{text!r} names no peer.", f"{wanted} `neurond status` there prints its address."
        )
    return None


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _listen_fault(text: str) -> Fault | None:
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_host = bare == "localhost" or (_is_ip(bare, 4) and bare == host) or _is_ip(bare, 6)
    if is_host and port.isascii() and port.isdigit() and int(port) <= _PORT_MAX:
        return None
    return Fault(f"{text!r} is no HOST:PORT.", "Write for example 127.0.0.1:9944 or [::1]:9944.")


def _file_fault(path: Path) -> Fault | None:
    try:
        is_file, exists = path.is_file(), path.exists()
    except OSError as error:
        return Fault(
            f"{path} can't be reached: {error.strerror}.", "Check the path and its permissions."
        )
    if not exists:
        return Fault(f"there is no file {path}.", "Make it, or correct the path.")
    if not is_file:
        return Fault(f"{path} is no file.", "Name a file.")
    if not os.access(path, os.R_OK):
        return Fault(f"{path} can't be read by this user.", "Check its owner and permissions.")
    return None


def _folder_fault(path: Path) -> Fault | None:
    """Find what would keep us from using, or making, the folder `path`."""
    try:
        nearest = next(place for place in (path, *path.parents) if place.exists())
    except OSError as error:
        return Fault(
            f"{path} can't be reached: {error.strerror}.", "Check the path and its permissions."
        )
    if not nearest.is_dir():
        return Fault(f"{nearest} is no folder.", "Name a folder, or move that file away.")
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        return Fault(
            f"{nearest} can't be written by this user.", "Check its owner and permissions."
        )
    return None
