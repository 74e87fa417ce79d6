"""A plugin of pytest: what each suite costs, next to its budget, at the end of a whole run.

A suite is a folder of tests/. A suite over its budget fails nothing: make its tests cheaper, or
take the seconds from another suite.
"""

import resource
from collections import defaultdict
from collections.abc import Generator
from itertools import chain, groupby

import pytest

from tests.support.forking import FORKING

BUDGETS = {
    "stateful": 185,
    "e2e": 185,
    "docs": 60,
    "benchmarks": 45,
    "integration": 185,
    "contract": 62,
    "support": 5,
    "unit": 92,
    "histories": 2,
}
"""The processor seconds that each suite may take, those with the longest tests first.

They are what the suites took, and an eighth more. Together they are far less than the 1,200 that
two processors have in ten minutes: PostgreSQL, whose processes are not counted, and the collection
of the tests take the rest. Counted are the tests' process, the programs that it starts and waits
for, and the fork servers of these. Waiting has no budget, as workers wait at the same time.
"""


class Costs:
    """Adds up what the phases of tests took."""

    def __init__(self) -> None:
        self._tests: dict[str, set[str]] = {}
        self._worked: defaultdict[str, float] = defaultdict(float)
        self._lasted: defaultdict[str, float] = defaultdict(float)
        self._used = 0.0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        self._used = _processor_seconds()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        before, self._used = self._used, _processor_seconds()
        # A worker of pytest-xdist sends whatever a report has to the run's own process.
        report.processor_seconds = self._used - before  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        suite = _suite(report.nodeid)
        self._tests.setdefault(suite, set()).add(report.nodeid)
        self._worked[suite] += getattr(report, "processor_seconds", 0.0)
        self._lasted[suite] += report.duration

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        # Parts of suites have no budget.
        if config.args_source is pytest.Config.ArgsSource.ARGS or not self._tests:
            return
        terminalreporter.section("processor seconds of each suite")
        terminalreporter.write_line("suite        tests  seconds  budget  waiting")
        for suite in sorted(self._tests, key=lambda suite: -self._worked[suite]):
            worked, budget = self._worked[suite], BUDGETS.get(suite, 0)
            waiting = max(0.0, self._lasted[suite] - worked)
            line = f"{suite:11} {len(self._tests[suite]):6} {worked:8.0f} {budget:7} {waiting:8.0f}"
            over = worked > budget
            terminalreporter.write_line(f"{line}  OVER BUDGET" if over else line, yellow=over)
        total = f"{sum(self._worked.values()):8.0f} {sum(BUDGETS.values()):7}"
        terminalreporter.write_line(f"{'total':11} {sum(map(len, self._tests.values())):6} {total}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deals the modules out to the workers, so that each begins with tests that take long.

    pytest-xdist gives each worker as many tests of the list, and moves some when one has no more:
    what is left at the end is short. A module stays together for the fixtures that it shares.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 0))
    if not workers:
        return
    ranks = {suite: rank for rank, suite in enumerate(BUDGETS)}
    items.sort(key=lambda item: ranks.get(_suite(item.nodeid), len(ranks)))
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for _, module in groupby(items, key=lambda item: item.path):
        min(shares, key=len).extend(module)
    items[:] = chain.from_iterable(shares)


def _suite(nodeid: str) -> str:
    _, _, below = nodeid.partition("tests/")
    return below.partition("/")[0]


def _processor_seconds() -> float:
    """What this process used so far, its children that ended, and its fork servers."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used) + FORKING.processor_seconds
