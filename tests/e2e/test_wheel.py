"""What `pip install tocsin` brings: these packages, and a client that works without any extra."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from importlib import metadata
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.e2e.commands import run

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
PACKAGES = {"tocsin": "generated", "tocsin_server": "server", "tocsin_client": "client"}
BROUGHT = {"googleapis-common-protos", "grpcio", "protobuf"}


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that was built from this checkout."""

    path: Path
    names: frozenset[str]
    metadata: Message
    entry_points: str

    @property
    def top(self) -> set[str]:
        """What stands at its top, without the distribution's own folder."""
        tops = {PurePosixPath(name).parts[0] for name in self.names}
        return {top for top in tops if not top.endswith(".dist-info")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    """Built without a network, by what is installed."""
    folder = tmp_path_factory.mktemp("dist")
    build = [UV, "build", "--wheel", "--no-build-isolation", "--no-index", "--offline"]
    ended = run(
        [*map(str, build), "--python", sys.executable, "-o", str(folder), str(ROOT)], folder
    )
    assert ended.returncode == 0, ended.stderr
    (path,) = folder.glob("*.whl")
    with ZipFile(path) as archive:
        names = archive.namelist()
        (info,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        return Wheel(
            path,
            frozenset(names),
            message_from_string(archive.read(info).decode()),
            archive.read(info.replace("METADATA", "entry_points.txt")).decode(),
        )


def _required(requirements: list[str]) -> set[str]:
    """Those of the requirements that hold here without any extra."""
    parsed = map(Requirement, requirements)
    return {
        canonicalize_name(each.name)
        for each in parsed
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }


def _with_what_they_need(names: set[str]) -> set[str]:
    needed, found = set(names), set[str]()
    while needed:
        name = needed.pop()
        found.add(name)
        needed |= _required(metadata.requires(name) or []) - found
    return found


UNWANTED = {"__pycache__", "tests"}


def test_it_has_three_packages_and_nothing_else(wheel: Wheel) -> None:
    assert wheel.top == set(PACKAGES)
    parts = {part for name in wheel.names for part in PurePosixPath(name).parts}
    assert not {part for part in parts if part in UNWANTED or part.startswith("test_")}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_whole(wheel: Wheel, package: str) -> None:
    home = ROOT / PACKAGES[package]
    whole = {
        path.relative_to(home).as_posix()
        for path in (home / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name for name in wheel.names if name.startswith(f"{package}/")} == whole
    assert f"{package}/py.typed" in whole


def test_it_brings_two_programs_and_a_fixture(wheel: Wheel) -> None:
    assert wheel.entry_points.split() == [
        *("[console_scripts]",),
        *("tocsin", "=", "tocsin_client.cli.__main__:main"),
        *("tocsin-server", "=", "tocsin_server.__main__:main"),
        *("[pytest11]",),
        *("tocsin", "=", "tocsin_server.pytest_plugin"),
    ]


def test_it_needs_three_packages_without_its_extras(wheel: Wheel) -> None:
    required = wheel.metadata.get_all("Requires-Dist") or []

    assert _required(required) == BROUGHT
    assert _with_what_they_need(BROUGHT) == BROUGHT | {"typing-extensions"}
    assert set(wheel.metadata.get_all("Provides-Extra") or []) == {"cli", "postgres", "server"}


@pytest.fixture(scope="module")
def bare(wheel: Wheel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment with the wheel and what it needs, pytest, and no extra."""
    folder = tmp_path_factory.mktemp("bare")
    for arguments in (
        ["venv", "--python", sys.executable, "."],
        ["pip", "install", "--python", ".", "--no-index", "--no-deps", str(wheel.path)],
    ):
        ended = run([str(UV), "--offline", *arguments], folder)
        assert ended.returncode == 0, ended.stderr
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in _with_what_they_need(BROUGHT | {"pytest"}):
        for file in metadata.files(name) or []:
            if ".." not in file.parts:
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), packages / file)
    yield folder / "bin"
    shutil.rmtree(folder)


@pytest.mark.parametrize("program", ["tocsin", "tocsin-server"])
def test_a_program_without_its_extra_says_what_to_install(
    bare: Path, tmp_path: Path, program: str
) -> None:
    extra = {"tocsin": "cli", "tocsin-server": "server"}[program]

    ended = run([str(bare / program)], tmp_path)

    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{program}: ")
    assert line.endswith(f" is missing: pip install 'tocsin[{extra}]'")


def test_the_client_needs_no_extra(bare: Path, tmp_path: Path) -> None:
    call = """
import asyncio, tocsin_client
async def main():
    async with tocsin_client.AsyncClient("127.0.0.1:1", timeout=0.1) as client:
        try:
            await client.get_inbox("alice")
        except tocsin_client.DeadlineExceeded as error:
            print(error.code)
asyncio.run(main())
"""

    ended = run([str(bare / "python"), "-c", call], tmp_path)

    assert ended.stdout == "DEADLINE_EXCEEDED\n", ended.stderr


def test_the_tests_of_others_go_on_as_if_it_were_not_there(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        """
import sys

def test_nothing_is_loaded():
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert "tocsin_server" in loaded  # its fixture is known
    assert not loaded & {"google", "grpc", "sqlalchemy", "tocsin", "tocsin_client"}
"""
    )

    ended = run([str(bare / "python"), "-m", "pytest", "-q", "-W", "error"], tmp_path)

    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("1 passed")


def test_the_fixture_without_the_server_says_what_to_install(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_it(tocsin_server): pass\n")

    ended = run([str(bare / "python"), "-m", "pytest", "-q"], tmp_path)

    assert ended.returncode == 1
    assert "is not installed: pip install 'tocsin[server]'" in ended.stdout
