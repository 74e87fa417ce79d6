"""Measures Tocsin against a bare grpc.aio server with the same load: `python -m tests.benchmarks`.

Both run in processes of their own, in turn, and the medians of the rounds are compared. What the
size of an inbox costs is measured against a small one instead. Exits with 1 when a required figure is not met.
"""

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.environment import environment
from tests.benchmarks.measures import MEASURES, Measure
from tests.benchmarks.report import Result, document, table
from tests.benchmarks.sizes import FULL, QUICK, Sizes

RESULTS = Path(__file__).parents[2] / "docs" / "benchmarks"
# For what one round takes, or its preparation: longer means that something hangs.
STEP_LIMIT = 300.0


async def compare(measure: Measure, sizes: Sizes, rounds: int) -> list[Result]:
    """Runs both sides of a measure in turn, `rounds` times, and gives its figures."""
    taken: list[list[dict[str, float]]] = [[] for _ in measure.sides]
    async with AsyncExitStack() as stack:
        runs = []
        for prepare, program in measure.sides:
            async with asyncio.timeout(STEP_LIMIT):
                runs.append(await stack.enter_async_context(prepare(program, sizes)))
        for number in range(1, rounds + 1):
            print(f"{measure.name}: round {number} of {rounds}", file=sys.stderr)
            for one_round, of_side in zip(runs, taken, strict=True):
                async with asyncio.timeout(STEP_LIMIT):
                    of_side.append(await one_round())
    return [
        Result(
            measure.name,
            figure,
            *([figures[figure.name] for figures in of_side] for of_side in taken),
        )
        for figure in measure.figures
    ]


async def compare_all(measures: list[Measure], sizes: Sizes, rounds: int) -> list[Result]:
    """Runs the measures one after the other."""
    return [result for measure in measures for result in await compare(measure, sizes, rounds)]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the flags."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=[measure.name for measure in MEASURES],
        help="run only this measure (may be repeated): %(choices)s",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (default: 5)")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="where the JSON goes (default: docs/benchmarks/<date>.json; nowhere when only some"
        " measures or small sizes are run)",
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it works")
    parser.add_argument(
        "--no-gate", action="store_true", help="exit with 0 whatever the figures; so does --quick"
    )
    flags = parser.parse_args(arguments)
    if flags.rounds < 1:
        parser.error("--rounds: at least 1")
    return flags


def main() -> int:
    """Runs what the flags say."""
    flags = parse()
    now = datetime.now(UTC)
    out: Path | None = flags.out
    if out is None and not flags.only and not flags.quick:
        out = RESULTS / f"{now:%Y-%m-%d}.json"
    run = {
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "rounds": flags.rounds,
        "quick": flags.quick,
        "environment": environment(),
    }
    measures = [each for each in MEASURES if not flags.only or each.name in flags.only]
    results = asyncio.run(compare_all(measures, QUICK if flags.quick else FULL, flags.rounds))
    print(table(results))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(document(results, run), encoding="utf-8")
    missed = any(result.met is False for result in results)
    return 1 if missed and not flags.quick and not flags.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
