"""What it costs to import the client, and what it does not bring along."""

import subprocess
import sys

SERVERS = {
    "tocsin_server",
    "sqlalchemy",
    "aiosqlite",
    "asyncpg",
    "alembic",
    "click",
    "typer",
    "rich",
}


def loaded_by(statement: str) -> set[str]:
    """The packages that are loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_importing_the_package_loads_neither_grpc_nor_a_server() -> None:
    loaded = loaded_by("import tocsin_client")

    assert "tocsin_client" in loaded
    assert not loaded & {"grpc", "google", "tocsin", "asyncio", *SERVERS}


def test_importing_all_of_it_loads_no_server() -> None:
    loaded = loaded_by("from tocsin_client import *\nassert Client and AsyncClient")

    assert {"grpc", "tocsin"} <= loaded
    assert not loaded & SERVERS
