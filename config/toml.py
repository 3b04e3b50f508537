"""TOML text as plain values, where every way in which it can be wrong is one kind of error."""

import tomllib


def parse_toml(text: str) -> dict[str, object]:
    """Return the tables and values of `text`.

    Raises:
        ValueError: it is no TOML, nested too deeply, or has a number of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:  # Python's own bound on the digits of a whole number
        raise ValueError("a number has thousands of digits") from None
    except RecursionError:
        raise ValueError("lists or tables are nested too deeply") from None
