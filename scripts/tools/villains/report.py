# pyright: reportUnknownMemberType=false
# matplotlib types its keyword arguments only in part.
"""What `scripts/villains --write` leaves in docs: a page with the table, and the plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_FIGURES = {
    "honest": ".3f",
    "profit": ".3f",
    "gain": "+.3f",
    "spread": ".3f",
    "worst": "+.3f",
    "best": "+.3f",
}
_PAGE = Path(__file__).parent / "page.md"


def render_page(lines: Sequence[Mapping[str, object]], seeds: int, epochs: int) -> str:
    """Return docs/villains.md; `lines` are the table's, as dictionaries of `app.Line`."""
    rows = [
        f"| {line['villain']} | {line['owned']:,.0f} | "
        + " | ".join(f"{line[name]:{shape}}" for name, shape in _FIGURES.items())
        + " |"
        for line in lines
    ]
    paying = [str(line["villain"]) for line in lines if float(str(line["gain"])) > 0]
    verdict = "**No villain profits on average.**"
    if paying:
        verdict = f"**Profits on average: {', '.join(paying)}.**"
    page = _PAGE.read_text()
    return page.format(seeds=seeds, epochs=epochs, table="\n".join(rows), verdict=verdict)


def save_plot(gains: Sequence[tuple[str, float, float]], path: Path) -> None:
    """Draw each villain's gain with its spread as horizontal bars, an SVG at `path`."""
    import matplotlib as mpl  # noqa: PLC0415 - only --write draws

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "neurond"  # the same figures make the same file
    from matplotlib import pyplot as plt  # noqa: PLC0415

    names = [name for name, _, _ in gains]
    values = [gain for _, gain, _ in gains]
    spreads = [spread for _, _, spread in gains]
    figure, axes = plt.subplots(figsize=(8, 0.36 * len(names) + 1.2))
    colours = ["#c0392b" if value > 0 else "#2e7d6b" for value in values]
    axes.barh(names, values, xerr=spreads, color=colours, ecolor="#666666", capsize=2)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xscale("symlog", linthresh=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("gain over honest play, TAO per 1,000 TAO owned (symmetric log scale)")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
