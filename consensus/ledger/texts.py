"""Texts that people will be shown: no character in them may hide, reorder or break anything.

The ranges are written out and not asked of the language's own table, which grows with its version:
two nodes must never disagree about a text.

Source: Unicode 16, general categories Cc, Cf, Zl, Zp, Co, and noncharacters.
"""

from consensus.refusals import NotPrintable

_REFUSED = (
    (0x0000, 0x001F),  # control
    (0x007F, 0x009F),
    (0x00AD, 0x00AD),  # soft hyphen
    (0x0600, 0x0605),  # signs that swallow what follows
    (0x061C, 0x061C),  # direction
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x180E, 0x180E),
    (0x200B, 0x200F),  # no width, direction
    (0x2028, 0x202E),  # lines, direction
    (0x2060, 0x206F),
    (0xD800, 0xF8FF),  # surrogates, private
    (0xFDD0, 0xFDEF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),  # tags, rare selectors
    (0xF0000, 0x10FFFF),  # private
)
"""First and last code point of each range that is refused, ascending."""
_PLANE_END = 0xFFFE
"""The last two code points of each plane are not characters."""


def check_printable(*texts: str) -> None:
    """Check that every character of each text can be shown as it is.

    Raises:
        NotPrintable: one can't.
    """
    for text in texts:
        for character in text:
            if _is_refused(ord(character)):
                raise NotPrintable(f"U+{ord(character):04X} in {len(text)} characters")


def _is_refused(point: int) -> bool:
    if point < 0x7F:  # noqa: PLR2004 - most texts are ASCII
        return point < 0x20  # noqa: PLR2004 - space, the first that is no control
    if point & 0xFFFF >= _PLANE_END:
        return True
    return any(first <= point <= last for first, last in _REFUSED)
