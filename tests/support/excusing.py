"""A plugin of pytest: a run in which a test was skipped or expected to fail fails.

What cannot run must say so.
"""

from collections.abc import Generator

import pytest

_excused: set[str] = set()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _excused.add(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped or hasattr(report, "wasxfail"):
        _excused.add(report.nodeid)


# Outermost, so that its line closes the terminal's summary.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield
    if not _excused:
        return
    if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if reporter := session.config.pluginmanager.get_plugin("terminalreporter"):
        names = ", ".join(sorted(_excused))
        reporter.write_line(f"FAILED: {len(_excused)} skipped or xfailed: {names}", red=True)
