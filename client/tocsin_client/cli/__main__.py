"""The program `tocsin`."""

import os
import sys
from contextlib import suppress


def main() -> None:
    """Runs the program; says in one line what is missing when its extra is not installed."""
    # The program itself reports what is wrong with an address.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        code = _run()
    except KeyboardInterrupt:  # before or after a command handles it
        code = 130
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # none, full, or closed
            stream.flush()
    # Leaves no time in which a second Ctrl-C could interrupt.
    os._exit(code)


def _run() -> int:
    try:
        from tocsin_client.cli.program import run  # noqa: PLC0415  # only here can its absence be reported
    except ModuleNotFoundError as missing:
        print(  # noqa: T201  # a program speaks
            f"tocsin: {missing.name} is missing: pip install 'tocsin[cli]'", file=sys.stderr
        )
        return 2
    return run(sys.argv[1:])


if __name__ == "__main__":
    main()
