"""The benchmark itself: it measures all that it names, and says what was missed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.measures import MEASURES, Figure, Wanted
from tests.benchmarks.report import Result, table

CHECKOUT = Path(__file__).parents[2]
AT_LEAST_TWICE = Figure("rate", "sends", "sends/s", Wanted("ratio", "at least", 2.0))
UNDER_A_SECOND = Figure("start", "start", "s", Wanted("tocsin", "at most", 1.0))


def test_a_quick_run_takes_every_figure_of_both_servers(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"

    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--rounds", "1", "--out", out],
        cwd=CHECKOUT,
        check=True,
        timeout=300,
    )

    figures = json.loads(out.read_text(encoding="utf-8"))["figures"]
    assert [(each["measure"], each["figure"]) for each in figures] == [
        (measure.name, figure.title) for measure in MEASURES for figure in measure.figures
    ]
    # Memory of so few streams may be lost in the allocator's own steps.
    timings = [each for each in figures if each["measure"] != "memory"]
    assert all(each[side]["median"] > 0 for each in timings for side in ("baseline", "tocsin"))


@pytest.mark.parametrize(
    ("figure", "bare", "tocsin", "met"),
    [
        (AT_LEAST_TWICE, 10.0, 20.0, True),
        (AT_LEAST_TWICE, 10.0, 19.0, False),
        (UNDER_A_SECOND, 0.1, 0.9, True),
        (UNDER_A_SECOND, 0.1, 1.1, False),
    ],
)
def test_a_figure_is_met_by_its_medians(
    figure: Figure, bare: float, tocsin: float, met: bool
) -> None:
    result = Result("measure", figure, baseline=[bare, bare, 1e9], tocsin=[0.0, tocsin, 1e9])

    assert result.met is met
    assert table([result]).endswith("yes" if met else "NO")


def test_the_bare_server_stays_within_sixty_lines() -> None:
    lines = (CHECKOUT / "tests" / "benchmarks" / "bare.py").read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 60
