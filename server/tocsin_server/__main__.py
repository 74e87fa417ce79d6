"""The program `tocsin-server`."""

import os
import sys


def main() -> None:
    """Runs the program; says in one line what is missing when its extra is not installed."""
    # What goes wrong with an address is told once, by the program.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from tocsin_server.cli import run  # noqa: PLC0415  # only here its absence can be told
    except ModuleNotFoundError as missing:
        print(  # noqa: T201  # a program speaks
            f"tocsin-server: {missing.name} is missing: pip install 'tocsin[server]'",
            file=sys.stderr,
        )
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
