"""What the figures depend on: versions, processors and the disk, and nothing that names a machine."""

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = ("tocsin", "grpcio", "protobuf", "sqlalchemy", "aiosqlite")
FSYNCS = 50


def environment() -> dict[str, str | int | float]:
    """Describes where a run takes place."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        **versions,
        "sqlite": sqlite3.sqlite_version,
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count() or 1,
        "filesystem": _filesystem(Path(tempfile.gettempdir())),
        "fsync_ms": round(_fsync_seconds() * 1_000, 3),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _filesystem(directory: Path) -> str:
    """Names the type of the filesystem that the stores are on."""
    mounts = {Path(each.mountpoint): each.fstype for each in psutil.disk_partitions(all=True)}
    for parent in (directory.resolve(), *directory.resolve().parents):
        if parent in mounts:
            return mounts[parent]
    return "unknown"


def _fsync_seconds() -> float:
    """Measures what one appended page costs to make durable: no durable send is cheaper alone."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(FSYNCS):
            file.write(bytes(4096))
            file.flush()
            begin = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times)
