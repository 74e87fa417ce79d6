"""`doctor`: reports and repairs the faults of the store."""

from collections import Counter
from json import dumps

import click

from tocsin_server.cli.announcing import announce
from tocsin_server.cli.interrupting import end_orderly
from tocsin_server.cli.parameters import database_url_option, flag
from tocsin_server.store.doctor.examine import examine
from tocsin_server.store.doctor.findings import Finding


@click.command()
@database_url_option
@flag("doctor", "--repair", "Repair what can be repaired without losing anything.")
@flag("doctor", "--json", "Write an object a line.")
def doctor(
    database_url: str,
    repair: bool,  # noqa: FBT001  # by name
    json: bool,  # noqa: FBT001  # by name
) -> int:
    """Checks the store and reports its faults. A server may be using it.

    Exits with 0 if no fault is left, with 1 if one is, and with 2 if the store
    cannot be examined.
    """
    end_orderly()
    found: Counter[bool] = Counter()

    def report(finding: Finding) -> None:
        found[finding.repaired] += 1
        announce(dumps(finding._asdict()) if json else _line(finding))

    examined = examine(database_url, report, repair=repair)
    summary = {
        **examined._asdict(),
        "findings": found.total(),
        "repaired": found[True],
    }
    if json:
        announce(dumps(summary))
    else:
        announce(", ".join(f"{number:,} {what}" for what, number in summary.items()))
    return 1 if found[False] else 0


def _line(finding: Finding) -> str:
    kind, where, found, expected, repaired = finding
    end = "; repaired" if repaired else ""
    return f"{kind}: {where}: found {found}, expected {expected}{end}"
