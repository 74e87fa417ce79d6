"""The program `tocsin-server`."""

import os
import sys
from contextlib import suppress


def main() -> None:
    """Runs the program; prints one line when a package of its extra is missing."""
    # The program itself reports a problem with the address, once.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        code = _run()
    except KeyboardInterrupt:  # before the server handles signals itself
        code = 130
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # none, full, or closed
            stream.flush()
    # Everything is done, but gRPC would wait for peers that read nothing.
    os._exit(code)


def _run() -> int:
    try:
        from tocsin_server.cli import run  # noqa: PLC0415  # its absence is reported here
    except ModuleNotFoundError as missing:
        print(  # noqa: T201  # the program's error output
            f"tocsin-server: {missing.name} is missing: pip install 'tocsin[server]'",
            file=sys.stderr,
        )
        return 2
    return run(sys.argv[1:])


if __name__ == "__main__":
    main()
