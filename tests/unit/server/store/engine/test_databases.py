import pytest
from tocsin_server.store.engine.databases import database, database_url
from tocsin_server.store.engine.driver_errors import CannotOpen


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nonsense", "is not a URL"),
        ("", "is not a URL"),
        ("postgresql+asyncpg://localhost:nonsense/tocsin", "is not a URL"),
        ("postgresql://localhost/tocsin", "begins with postgresql://"),
        ("sqlite:///tocsin.db", "begins with sqlite://"),
        ("sqlite+aiosqlite://", "names no file"),
        ("sqlite+aiosqlite:///", "names no file"),
        ("sqlite+aiosqlite:///:memory:", "names no file"),
        ("sqlite+aiosqlite:///tocsin.db?mode=ro", "has parameters"),
        ("sqlite+aiosqlite:///tocsin.db?timeout", "has the parameter 'timeout' without a value"),
        ("sqlite+aiosqlite:///tocsin.db?mode=", "has the parameter 'mode' without a value"),
        ("sqlite+aiosqlite://tocsin.db", "names a host"),
        ("postgresql+asyncpg://localhost", "names no database"),
        ("postgresql+asyncpg://localhost/", "names no database"),
        ("postgresql+asyncpg://localhost/tocsin?sslmode=require", "has the parameter sslmode"),
        ("postgresql+asyncpg://localhost/tocsin?port=abc", "port that is not between"),
        ("postgresql+asyncpg://localhost/tocsin?port=٣", "port that is not between"),
        (f"postgresql+asyncpg://localhost/tocsin?port={'9' * 5_000}", "port that is not between"),
        ("postgresql+asyncpg://localhost:99999/tocsin", "port that is not between"),
        ("postgresql+asyncpg://localhost:٣/tocsin", "port that is not a number"),
        ("postgresql+asyncpg://a:b@[::1]:1_0/tocsin", "port that is not a number"),
        ("postgresql+asyncpg://localhost:+5?host=c", "port that is not a number"),
        ("postgresql+asyncpg://localhost/tocsin?host=a&host=b", "host more than once"),
        ("postgresql+asyncpg://user:a?b@localhost/tocsin?ssl", "has the parameter 'ssl' without"),
        ("postgresql+asyncpg://user:pass@word@host/tocsin", "write it as %40"),
    ],
)
def test_a_url_that_the_server_cannot_use_is_refused_in_one_line(url: str, problem: str) -> None:
    with pytest.raises(CannotOpen, match=problem) as caught:
        database(url)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"])
def test_an_error_does_not_show_the_password_of_a_url(scheme: str) -> None:
    with pytest.raises(CannotOpen) as caught:
        database(f"{scheme}://user:hunter2@localhost")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://localhost:5432/tocsin",
        "postgresql+asyncpg://a:b:٣@[::1]:5432/tocsin",
        "postgresql+asyncpg://[::1]/tocsin",
        "postgresql+asyncpg:///tocsin?host=localhost&port=5432",
        "sqlite+aiosqlite:////tmp/a:٣@b.db",
    ],
)
def test_a_url_with_or_without_a_port_is_one(url: str) -> None:
    assert database_url(url).render_as_string(hide_password=False)


async def test_the_name_of_a_database_has_no_password() -> None:
    opened = database("postgresql+asyncpg://user:hunter2@localhost/tocsin")
    await opened.close()

    assert "hunter2" not in opened.name
    assert "localhost/tocsin" in opened.name
