"""The medians of a run, as a table for the screen and as JSON."""

import json
import statistics
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.measures import Figure


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of one figure."""

    measure: str
    figure: Figure
    baseline: list[float]
    tocsin: list[float]

    @property
    def medians(self) -> tuple[float, float]:
        """The medians of the baseline and of Tocsin."""
        return statistics.median(self.baseline), statistics.median(self.tocsin)

    @property
    def ratio(self) -> float:
        """Tocsin's median over the baseline's."""
        baseline, tocsin = self.medians
        return tocsin / baseline

    @property
    def wanted(self) -> str | None:
        """What is required, in words; None where nothing is."""
        wanted = self.figure.wanted
        return None if wanted is None else wanted.text(self.figure.unit)

    @property
    def met(self) -> bool | None:
        """Whether the required figure is met; None where none is required."""
        wanted = self.figure.wanted
        return None if wanted is None else wanted.met_by(*self.medians)


def table(results: list[Result]) -> str:
    """Renders the results in aligned columns."""
    rows = [("", "baseline", "tocsin", "", "ratio", "wanted", "met")]
    for each in results:
        baseline, tocsin = each.medians
        met = {True: "yes", False: "NO", None: ""}[each.met]
        ratio, wanted = f"{each.ratio:.2f}", each.wanted or ""
        title, unit = each.figure.title, each.figure.unit
        rows.append((title, _number(baseline), _number(tocsin), unit, ratio, wanted, met))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligns = "<>><><<"
    return "\n".join(
        "  ".join(
            f"{cell:{align}{width}}" for cell, align, width in zip(row, aligns, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def document(results: list[Result], run: dict[str, Any]) -> str:
    """Renders the results, every round of them, as JSON, with what is known of the run."""
    measures = [
        {
            "measure": each.measure,
            "figure": each.figure.title,
            "unit": each.figure.unit,
            "baseline": {
                "median": _rounded(each.medians[0]),
                "rounds": list(map(_rounded, each.baseline)),
            },
            "tocsin": {
                "median": _rounded(each.medians[1]),
                "rounds": list(map(_rounded, each.tocsin)),
            },
            "ratio": _rounded(each.ratio),
            "wanted": each.wanted,
            "met": each.met,
        }
        for each in results
    ]
    return json.dumps({**run, "figures": measures}, indent=2, ensure_ascii=False) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
