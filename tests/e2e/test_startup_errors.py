"""What an operator got wrong is one line on stderr and exit code 2; nothing else."""

import json
import os
import shlex
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import AS_ANYBODY, complaint_of, run
from tests.e2e.conftest import StartProgram
from tests.e2e.program import SERVE
from tests.support.loopbacks import LOOPBACKS, family, with_port
from tests.support.postgres import Postgres


@pytest.fixture(params=["plainly", "to share it"])
def taken_port(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port that another socket listens on, plainly or with SO_REUSEPORT."""
    with socket.socket() as listener:
        if request.param == "to share it":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_is_refused(tmp_path: Path, taken_port: int) -> None:
    complaint = complaint_of([*SERVE, "--listen", f"127.0.0.1:{taken_port}"], tmp_path)

    assert f"127.0.0.1:{taken_port}" in complaint


def test_a_name_with_one_address_in_use_is_refused(tmp_path: Path, taken_port: int) -> None:
    complaint = complaint_of([*SERVE, "--listen", f"localhost:{taken_port}"], tmp_path)

    assert f"localhost:{taken_port}" in complaint
    assert f"127.0.0.1:{taken_port} is in use" in complaint


@pytest.mark.parametrize("host", LOOPBACKS)
def test_localhost_is_refused_when_one_family_has_the_port_taken(tmp_path: Path, host: str) -> None:
    with socket.socket(family(host)) as listener:
        listener.bind((host, 0))
        listener.listen()
        port = listener.getsockname()[1]

        complaint = complaint_of([*SERVE, "--listen", f"localhost:{port}"], tmp_path)

    assert f"{with_port(host, port)} is in use" in complaint


async def test_a_port_is_never_shared_with_another_server(
    start_program: StartProgram, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = await start_program()

    complaint = complaint_of([*SERVE, "--listen", program.target], tmp_path_factory.mktemp("other"))

    assert program.target in complaint


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    # Of the range for documentation (RFC 5737): nobody has it.
    complaint = complaint_of([*SERVE, "--listen", "203.0.113.7:50051"], tmp_path)

    assert "203.0.113.7:50051" in complaint


def test_a_database_in_a_missing_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "tocsin.db"

    assert str(path) in complaint_of(_serve(path), tmp_path)


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    path.mkdir()

    assert str(path) in complaint_of(_serve(path), tmp_path)


def test_a_file_of_something_else_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("name,phone\n" * 1_000)

    assert str(path) in complaint_of(_serve(path), tmp_path)
    assert path.read_text() == "name,phone\n" * 1_000


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id)")
    connection.close()

    assert "another program" in complaint_of(_serve(path), tmp_path)

    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    connection.close()


def test_a_database_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()
    path.chmod(0o444)

    complaint = complaint_of([*AS_ANYBODY, *_serve(path)], tmp_path)

    assert str(path) in complaint


def test_a_directory_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "read-only"
    directory.mkdir()
    directory.chmod(0o555)
    path = directory / "tocsin.db"

    complaint = complaint_of([*AS_ANYBODY, *_serve(path)], tmp_path)

    assert str(path) in complaint


@pytest.mark.parametrize(
    "url",
    [
        "mysql://localhost/tocsin",
        "sqlite:///tocsin.db",
        "nonsense",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite://folder/tocsin.db",
        "sqlite+aiosqlite:///tocsin.db?timeout=abc",
        "sqlite+aiosqlite:///file::memory:?uri=true",
        "sqlite+aiosqlite:///:memory:",
        "postgresql://localhost/tocsin",
        "postgresql+asyncpg://localhost",
        "postgresql+asyncpg://localhost:port/tocsin",
        "postgresql+asyncpg://localhost/tocsin?sslmode=require",
    ],
)
def test_a_database_of_another_kind_is_refused(tmp_path: Path, url: str) -> None:
    complaint = complaint_of([*SERVE, "--listen", "127.0.0.1:0", "--database-url", url], tmp_path)

    assert "database URL" in complaint


def test_a_driver_that_is_not_installed_is_named_with_its_extra(tmp_path: Path) -> None:
    without = (
        "import sys; sys.modules['asyncpg'] = None; from tocsin_server.__main__ import main; main()"
    )
    url = "postgresql+asyncpg://localhost/tocsin"

    complaint = complaint_of(
        [sys.executable, "-c", without, "serve", "--database-url", url], tmp_path
    )

    assert complaint == ("tocsin-server: asyncpg is not installed: pip install 'tocsin[postgres]'")


def test_a_postgresql_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        url = f"postgresql+asyncpg://user:hunter2@{address}/tocsin"

        complaint = complaint_of([*SERVE, "--database-url", url], tmp_path)

    assert f"cannot use the database postgresql+asyncpg://user:***@{address}/tocsin" in complaint
    assert "hunter2" not in complaint


def test_a_postgresql_database_that_is_not_there_is_refused(
    tmp_path: Path, postgres_url: str
) -> None:
    url = postgres_url.replace("/tocsin_", "/nowhere_")

    assert "does not exist" in complaint_of([*SERVE, "--database-url", url], tmp_path)


def test_a_postgresql_database_of_another_program_is_refused(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.create_empty()
    postgres.execute("CREATE TABLE orders ()", url)

    assert "another program" in complaint_of([*SERVE, "--database-url", url], tmp_path)
    postgres.drop(url)


def test_a_postgresql_database_of_a_newer_version_is_refused(
    tmp_path: Path, postgres: Postgres, postgres_url: str
) -> None:
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", postgres_url)

    assert "newer" in complaint_of([*SERVE, "--database-url", postgres_url], tmp_path)


def test_a_postgresql_user_who_may_not_write_is_refused(
    tmp_path: Path, postgres: Postgres, postgres_url: str
) -> None:
    postgres.change(
        "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        postgres_url,
    )
    url = postgres_url.replace("postgres:@", "reader@")

    assert "may not INSERT" in complaint_of([*SERVE, "--database-url", url], tmp_path)
    postgres.change("DROP OWNED BY reader; DROP ROLE reader", postgres_url)


def test_a_postgresql_database_that_is_not_in_utf_8_is_refused(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.create_empty("ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")

    assert "UTF8" in complaint_of([*SERVE, "--database-url", url], tmp_path)
    postgres.drop(url)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
        (["--max-streams", "0"], "--max-streams"),
        (["--listen", "127.0.0.1:65536"], "--listen"),
        (["--listen", "nobody.invalid:50051"], "nobody.invalid"),
        (["--listen", "unix:" + "x" * 108], "107 bytes"),
        (["--listen", "unix:missing/socket"], "no directory"),
        (["--listen", "unix:."], "no socket"),
        (["--listen", os.fsdecode(b"\xff:1")], "--listen"),
        (["--idempotency-retention", "soon"], "--idempotency-retention"),
        (["--idempotency-retention", "0.5s"], "--idempotency-retention"),
        (["--idempotency-retention", "9999999999999d"], "--idempotency-retention"),
    ],
)
def test_a_flag_that_makes_no_sense_is_refused(
    tmp_path: Path, arguments: list[str], named: str
) -> None:
    assert named in complaint_of([*SERVE, *arguments], tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOCSIN_MAX_STREAMS", "abc"),
        ("TOCSIN_LISTEN", "nonsense"),
        ("TOCSIN_IDEMPOTENCY_RETENTION", "0s"),
    ],
)
def test_a_variable_that_makes_no_sense_is_refused(tmp_path: Path, name: str, value: str) -> None:
    complaint = complaint_of(SERVE, tmp_path, **{name: value})

    assert name in complaint
    assert value in complaint


async def test_a_socket_is_never_taken_from_another_server(tmp_path: Path) -> None:
    address = f"unix:{tmp_path / 'socket'}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()

        complaint = complaint_of([*SERVE, "--listen", address], tmp_path)

    assert address in complaint
    assert "in use" in complaint


async def test_a_socket_that_was_left_behind_is_taken_over(
    tmp_path: Path, start_program: StartProgram
) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert path.exists()

    program = await start_program(target=f"unix:{path}")

    assert program.target == f"unix:{path}"


@pytest.mark.parametrize("stdout", ["full", "gone"])
def test_a_stdout_that_takes_nothing_is_an_error(tmp_path: Path, stdout: str) -> None:
    command = shlex.join([*_serve(tmp_path / "tocsin.db")])
    script = f"{command} > /dev/full" if stdout == "full" else f"{command} | true; exit $PIPESTATUS"

    ended = run(["bash", "-c", script], tmp_path)

    *log, complaint = ended.stderr.splitlines()
    assert "cannot write to stdout" in complaint
    assert all(json.loads(line)["level"] == "INFO" for line in log)
    assert ended.returncode == 2


def test_a_path_of_two_lines_is_refused_in_one(tmp_path: Path) -> None:
    complaint = complaint_of(_serve(tmp_path / "no\nwhere" / "tocsin.db"), tmp_path)

    assert "no where" in complaint


def _serve(database: Path) -> list[str]:
    url = f"sqlite+aiosqlite:///{database}"
    return [*SERVE, "--listen", "127.0.0.1:0", "--database-url", url]
