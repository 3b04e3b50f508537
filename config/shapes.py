"""What a setting's text must look like, as pydantic types: names, multiaddrs, files and folders.

Each type says in words what it takes (`Takes`) and refuses with a message and a remedy of ours
(`refuse`). Only the file system is asked, and only whether something is there and may be used;
nothing is opened, made or written.
"""

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict
from pydantic_core import PydanticCustomError

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""How every section is checked: no text for a number, no whole number for a switch."""
WRONG = "wrong"
"""The type of every error of ours; its context holds `message` and `remedy`."""


@dataclass(frozen=True, slots=True)
class Takes:
    """Which values a type takes, in words: one, and several in a list."""

    words: str
    several: str = ""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What must be true on this machine's disk; asked when settings are read, not when made."""

    check: Callable[[Path], None]


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_KEY_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""As `storage/keys/keystore.py` has it: a file name on every system."""
_MULTIADDR = re.compile(
    r"/(ip4|ip6|dns|dns4|dns6)/([^/]+)/tcp/(\d{1,5})(?:/p2p/([A-Za-z0-9]{20,}))?"
)
_BACKEND = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}|python:[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)
_PORT_MAX = 65_535


def refuse(message: str, remedy: str) -> PydanticCustomError:
    """Return the error that keeps a value out: what is wrong, and what is allowed instead."""
    return PydanticCustomError(WRONG, "{message}", {"message": message, "remedy": remedy})


def split_listen(listen: str) -> tuple[str, int]:
    """Return host and port of a HOST:PORT that was checked; an IPv6 host loses its brackets."""
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


def _check_text(text: str) -> str:
    if not text or "\0" in text:
        raise refuse("it is empty.", "Write some text.")
    return text


def _check_name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise refuse(f"{text!r} is no name.", "Use 1 to 64 letters, digits, '_', '.' or '-'.")
    return text


def _check_key_name(text: str) -> str:
    if _KEY_NAME.fullmatch(text) is None:
        remedy = "Use 1 to 32 of a-z, 0-9, '-' and '_', beginning with a letter or digit."
        raise refuse(f"{text!r} is no key name.", remedy)
    return text


def _check_backend(text: str) -> str:
    if _BACKEND.fullmatch(text) is None:
        remedy = "Write builtin, python:package.module:Class, or the name of an installed backend."
        raise refuse(f"{text!r} names no backend.", remedy)
    return text


def _check_multiaddr(text: str) -> str:
    _find_peer(text, "Write for example /ip4/127.0.0.1/tcp/9945.")
    return text


def _check_bootstrap(text: str) -> str:
    wanted = "Write for example /ip4/127.0.0.1/tcp/9945/p2p/PEER_ID."
    if _find_peer(text, wanted) is None:
        remedy = f"{wanted} `neurond status` there prints its address."
        raise refuse(f"{text!r} names no peer.", remedy)
    return text


def _find_peer(text: str, wanted: str) -> str | None:
    """Return the peer id at the end of a multiaddr, if it has one."""
    found = _MULTIADDR.fullmatch(text)
    if found is None or int(found[3]) > _PORT_MAX:
        raise refuse(f"{text!r} is no TCP multiaddr.", wanted)
    if found[1] in ("ip4", "ip6") and not _is_ip(found[2], version=int(found[1][2])):
        raise refuse(f"{found[2]!r} is no IPv{found[1][2]} address.", wanted)
    return found[4]


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _check_listen(text: str) -> str:
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_host = bare == "localhost" or (_is_ip(bare, 4) and bare == host) or _is_ip(bare, 6)
    if not (is_host and port.isascii() and port.isdigit() and int(port) <= _PORT_MAX):
        raise refuse(
            f"{text!r} is no HOST:PORT.", "Write for example 127.0.0.1:9944 or [::1]:9944."
        )
    return text


def _check_file(path: Path) -> None:
    try:
        is_file, exists = path.is_file(), path.exists()
    except OSError as error:
        raise _unreachable(path, error) from None
    if not exists:
        raise refuse(f"there is no file {path}.", "Make it, or correct the path.")
    if not is_file:
        raise refuse(f"{path} is no file.", "Name a file.")
    if not os.access(path, os.R_OK):
        raise refuse(f"{path} can't be read by this user.", "Check its owner and permissions.")


def _check_folder(path: Path) -> None:
    """Find what would keep us from using, or making, the folder `path`."""
    try:
        nearest = next(place for place in (path, *path.parents) if place.exists())
    except OSError as error:
        raise _unreachable(path, error) from None
    if not nearest.is_dir():
        raise refuse(f"{nearest} is no folder.", "Name a folder, or move that file away.")
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        message = f"{nearest} can't be written by this user."
        raise refuse(message, "Check its owner and permissions.")


def _unreachable(path: Path, error: OSError) -> PydanticCustomError:
    message = f"{path} can't be reached: {error.strerror}."
    return refuse(message, "Check the path and its permissions.")


Text = Annotated[str, AfterValidator(_check_text), Takes("text")]
NetworkName = Annotated[Text, Takes("path of a file")]
NodeName = Annotated[str, AfterValidator(_check_name), Takes("name")]
KeyName = Annotated[str, AfterValidator(_check_key_name), Takes("name of a key", "names of keys")]
BackendName = Annotated[
    str,
    AfterValidator(_check_backend),
    Takes("builtin | python:package.module:Class | name"),
]
Multiaddr = Annotated[str, AfterValidator(_check_multiaddr), Takes("multiaddr", "multiaddrs")]
Bootstrap = Annotated[str, AfterValidator(_check_bootstrap), Takes("multiaddr", "multiaddrs")]
Listen = Annotated[str, AfterValidator(_check_listen), Takes("HOST:PORT")]
File = Annotated[Path, OnDisk(_check_file), Takes("path of a file")]
NewFolder = Annotated[Path, OnDisk(_check_folder), Takes("path of a folder")]
