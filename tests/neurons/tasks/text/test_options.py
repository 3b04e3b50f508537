"""The options of text's reference miner are documented as they are."""

from pathlib import Path

from neurons.tasks.text.options import KINDS, NUMBERS

PAGE = Path(__file__).parents[4] / "docs" / "backends.md"


def test_the_documentation_lists_every_option_as_it_is():
    _, _, section = PAGE.read_text().partition("## Options of text's reference miner")
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    listed = {line.split("`")[1]: line for line in rows}
    assert set(listed) == {"kind", *NUMBERS}
    assert all(f'"{kind}"' in listed["kind"] for kind in KINDS)
    for name, rule in NUMBERS.items():
        row = f"{rule.low:,} to {rule.high:,} | `{rule.default}` | {rule.about} |"
        assert listed[name].endswith(row)
