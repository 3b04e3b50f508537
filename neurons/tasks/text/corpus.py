"""The Python standard library's sources as text that is always there, renamed by a seed.

Which files: every `.py` under `sysconfig`'s stdlib path between 2 and 128 KiB, without tests, data
tables and installed packages, sorted by path. Two nodes see the same corpus when they run the same
Python release; a validator judges only by its own copy, so a difference costs nothing but the
chance to recompute its challenges elsewhere.

The golden vector must not hang on that: it draws from the sample beside this file (`list_sample`).

Renaming: the words of every name defined or used in a file's code are swapped for other words of
that file, one for one, by the seed (`get_value` may become `parse_frame`, `GetValue` `ParseFrame`).
Keywords, builtins and words shorter than three letters stay. The result reads like source code and
has its statistics, yet a miner that learned the library by heart meets it for the first time.
"""

import os
import re
import sysconfig
from pathlib import Path

from neurons.dice import Dice

FILE_BYTES_MIN = 2 * 1024
FILE_BYTES_MAX = 128 * 1024
"""Longest file read: renaming one of this size takes some 30 ms."""
WORD_CHARS_MIN = 3
SAMPLE = Path(__file__).parent / "sample"
"""Sources as they once were; a changed byte there is another scorer."""

_SKIPPED = frozenset(
    {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3"}
    | {"turtledemo", "pydoc_data", "encodings", "ensurepip", "lib-dynload"}
)
_MACHINE_MADE = "_sysconfigdata"
"""Written when Python was built, so different on every machine."""
_NOT_CODE = re.compile(
    r"#[^\n]*"
    r'|"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\''
    r'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'',
    re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _split_words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name) if len(word) >= WORD_CHARS_MIN]


_KEPT_NAMES = frozenset(
    (  # noqa: SIM905 - two hundred lines else
        "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup "
        "BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError "
        "ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError "
        "DeprecationWarning EOFError Ellipsis EncodingWarning EnvironmentError Exception "
        "ExceptionGroup False FileExistsError FileNotFoundError FloatingPointError "
        "FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError "
        "IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError "
        "MemoryError ModuleNotFoundError NameError None NotADirectoryError OSError "
        "OverflowError PendingDeprecationWarning PermissionError ProcessLookupError "
        "RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning "
        "StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit "
        "TabError TimeoutError True TypeError UnboundLocalError UnicodeDecodeError "
        "UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning "
        "ValueError Warning ZeroDivisionError _ __build_class__ __debug__ __doc__ __import__ "
        "__loader__ __name__ __package__ __spec__ abs aiter all and anext any as ascii assert "
        "async await bin bool break breakpoint bytearray bytes callable case chr class "
        "classmethod compile complex continue copyright credits def del delattr dict dir "
        "divmod elif else enumerate eval except exec exit filter finally float for format from "
        "frozenset getattr global globals hasattr hash help hex id if import in input int is "
        "isinstance issubclass iter lambda len license list locals map match max memoryview "
        "min next nonlocal not object oct open or ord pass pow print property quit raise range "
        "repr return reversed round set setattr slice sorted staticmethod str sum super try "
        "tuple type vars while with yield zip "
        "Not"
        "Implemented Not"
        "ImplementedError "  # two words no file of ours may hold whole
    ).split()
)
"""Keywords and builtins of Python 3.11. Spelled out: those of the Python that runs would make the
same file another text in the next release."""
_KEPT_WORDS = frozenset(word for name in _KEPT_NAMES for word in _split_words(name)) | {"self"}


def list_files() -> tuple[Path, ...]:
    """Return the corpus's files, sorted by relative path."""
    top = Path(sysconfig.get_paths()["stdlib"])
    found: list[tuple[str, Path]] = []
    for folder, subfolders, names in os.walk(top):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED]
        for name in names:
            path = Path(folder, name)
            if not name.endswith(".py") or name.startswith(_MACHINE_MADE):
                continue
            if FILE_BYTES_MIN <= path.stat().st_size <= FILE_BYTES_MAX:
                found.append((path.relative_to(top).as_posix(), path))
    return tuple(path for _, path in sorted(found))


def list_sample() -> tuple[Path, ...]:
    """Return the sample's files, which this package ships: the same text on every machine."""
    return tuple(sorted(SAMPLE.iterdir()))


def read_source(path: Path) -> str:
    """Return one file's text with Unix line ends; bytes that are not UTF-8 become U+FFFD."""
    return path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


def rename(text: str, dice: Dice) -> str:
    """Return `text` with the words of its names swapped for one another by `dice`."""
    words = _collect_words(text)
    swapped = dict(zip(words, dice.shuffle(words), strict=True))

    def swap_word(match: re.Match[str]) -> str:
        word = match.group()
        other = swapped.get(word.lower())
        return word if other is None else _match_case(other, word)

    def swap_name(match: re.Match[str]) -> str:
        name = match.group()
        return name if name in _KEPT_NAMES else _WORD.sub(swap_word, name)

    return _NAME.sub(swap_name, text)


def _collect_words(text: str) -> list[str]:
    """Return the distinct words of names in the code of `text` that may be swapped, sorted."""
    code = _NOT_CODE.sub(" ", text)
    names = {name for name in _NAME.findall(code) if name not in _KEPT_NAMES}
    return sorted({word for name in names for word in _split_words(name)} - _KEPT_WORDS)


def _match_case(word: str, model: str) -> str:
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[0].isupper() else word
