"""The locks say of everything that the project asks for which version it is, and what it hashes to."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
OWN = PROJECT["project"]["dependencies"] + [
    requirement
    for extra in PROJECT["project"]["optional-dependencies"].values()
    for requirement in extra
]
GROUPS = PROJECT["dependency-groups"]
LOCKED = {
    "requirements.lock": OWN + GROUPS["install"] + GROUPS["dev"],
    "tests/lowest.lock": OWN + GROUPS["install"] + GROUPS["dev"],
    "protos/generate.lock": GROUPS["generate"],
}


@dataclass(frozen=True, slots=True)
class Pin:
    """A version in a lock; a package may have several, each for its platforms."""

    name: str
    version: Version
    hashed: bool


def pins(lock: str) -> Iterator[Pin]:
    """All that a lock has."""
    for entry in re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]:
        pinned = Requirement(entry.splitlines()[0].rstrip(" \\"))
        (version,) = pinned.specifier
        yield Pin(pinned.name, Version(version.version), "--hash=sha256:" in entry)


def versions(lock: str, name: str) -> set[Version]:
    """Which versions of a package a lock has."""
    return {pin.version for pin in pins(lock) if pin.name == canonicalize_name(name)}


@pytest.mark.parametrize("lock", LOCKED)
def test_a_lock_has_what_the_project_asks_for(lock: str) -> None:
    requirements = [Requirement(each) for each in LOCKED[lock]]

    missing = [
        str(each)
        for each in requirements
        if not (found := versions(lock, each.name))
        or not all(version in each.specifier for version in found)
    ]

    assert not missing, "run make lock"


@pytest.mark.parametrize("lock", LOCKED)
def test_every_package_of_a_lock_is_hashed(lock: str) -> None:
    unhashed = [pin.name for pin in pins(lock) if not pin.hashed]

    assert not unhashed


@pytest.mark.parametrize("lock", LOCKED)
def test_a_lock_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert re.findall(r"^.*(?:://|--(?!hash)\S+).*$", text, re.MULTILINE) == []


@pytest.mark.parametrize("requirement", OWN)
def test_each_floor_is_what_the_lowest_lock_has(requirement: str) -> None:
    parsed = Requirement(requirement)
    (floor,) = parsed.specifier

    assert floor.operator == ">="
    assert versions("tests/lowest.lock", parsed.name) == {Version(floor.version)}, "run make lock"
