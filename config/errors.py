"""Everything wrong with what the operator wrote, gathered so that one run shows all of it.

A `Problem` says where (file and line, variable or flag), which key, what is wrong, and what is
allowed.
"""

from dataclasses import dataclass

from consensus.errors import NeurondError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: `where` is a place a person can go to, `remedy` what to write there."""

    where: str
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.message} {self.remedy}".replace(": : ", ": ")


@dataclass(frozen=True, slots=True)
class Clash:
    """Settings that are right alone and wrong together: `key` is to be mended, by `remedy`.

    `at` is the setting that is there to be pointed at; `key` may be missing from the file.
    """

    at: str
    key: str
    message: str
    remedy: str


class ConfigError(NeurondError):
    """Settings or a network file that can't be used; nothing was touched."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Misfit(NeurondError):
    """Settings that are well-formed and don't fit the network or the keys; nothing was touched."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
