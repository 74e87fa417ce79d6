"""Cursor stores, and what a subscription keeps in one."""

import asyncio
import errno
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tocsin_client import CursorStore, FileCursorStore, MemoryCursorStore

from tests.support.waiting import until
from tests.unit.client.conftest import Clients, Serve
from tests.unit.client.programs import run
from tests.unit.client.scripting import ScriptedInbox, live, replay, silence, snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cursors.json"


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, path: Path) -> CursorStore:
    return MemoryCursorStore() if request.param == "memory" else FileCursorStore(path)


def test_a_store_keeps_the_last_cursor_of_each_user(store: CursorStore) -> None:
    store.save("alice", "a1")
    store.save("bob", "b1")
    store.save("alice", "a2")

    assert [store.load(user_id) for user_id in ("alice", "bob", "carol")] == ["a2", "b1", ""]


def test_an_empty_cursor_clears_what_is_stored(store: CursorStore) -> None:
    store.save("alice", "a1")

    store.save("alice", "")

    assert store.load("alice") == ""


def beside(path: Path) -> set[Path]:
    """The files in a store's folder, except the one that is locked."""
    return set(path.parent.iterdir()) - {path.with_name(f".{path.name}.lock")}


def test_a_file_outlives_the_store_and_its_folder_holds_nothing_else(path: Path) -> None:
    FileCursorStore(str(path)).save("alice", "a1")

    assert FileCursorStore(path).load("alice") == "a1"
    assert beside(path) == {path}


def test_a_relative_path_stays_where_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    store = FileCursorStore(path.name)
    monkeypatch.chdir("/")

    store.save("alice", "a1")

    assert path.exists()


def test_stores_of_one_file_lose_nothing_of_one_another(path: Path) -> None:
    stores = [FileCursorStore(path) for _ in range(4)]

    with ThreadPoolExecutor(8) as threads:
        for number in range(80):
            threads.submit(stores[number % 4].save, f"user{number}", str(number))

    loaded = [FileCursorStore(path).load(f"user{number}") for number in range(80)]
    assert loaded == [str(number) for number in range(80)]


_SAVES = """
import sys
from tocsin_client import FileCursorStore

path, name = sys.argv[1].split()
store = FileCursorStore(path)
for number in range(40):
    store.save(f"{name}{number}", str(number))
    store.save("shared", name)
"""


async def test_processes_that_share_a_file_lose_no_cursor(path: Path) -> None:
    names = ("one", "two")

    await asyncio.gather(*(run(_SAVES, f"{path} {name}") for name in names))

    store = FileCursorStore(path)
    for name in names:
        assert [store.load(f"{name}{n}") for n in range(40)] == [str(n) for n in range(40)]
    assert store.load("shared") in names


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"alice": 1}', b"\xff"])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    store = FileCursorStore(path)

    with pytest.raises(ValueError, match=r"cursors\.json is no file of cursors"):
        store.load("alice")
    with pytest.raises(ValueError, match="no file of cursors"):
        store.save("alice", "a1")

    assert path.read_bytes() == content


def test_a_save_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "no room")

    store = FileCursorStore(path)
    store.save("alice", "a1")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="no room"):
            store.save("alice", "a2")

    assert store.load("alice") == "a1"
    assert beside(path) == {path}


def test_a_save_is_on_disk_before_it_has_its_name_and_its_name_before_it_returns(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("folder" if is_folder else "file", path.exists()))

    monkeypatch.setattr(os, "fsync", record)

    FileCursorStore(path).save("alice", "a1")

    assert synced == [("file", False), ("folder", True)]


async def test_a_subscription_begins_at_the_stored_cursor(
    serve: Serve, clients: Clients, store: CursorStore
) -> None:
    store.save("alice", "c41")
    inbox = ScriptedInbox([replay(41, 42, 42, last=True)])
    subscription = clients(await serve(inbox)).subscribe("alice", cursor_store=store)

    update = await anext(subscription)

    assert inbox.requests[0].cursor == "c41"
    assert (update.revision, update.starts_over) == (42, False)
    assert subscription.violations == 0


async def test_a_cursor_is_stored_when_the_next_update_is_requested(
    serve: Serve, clients: Clients, store: CursorStore
) -> None:
    inbox = ScriptedInbox([snapshot(5), live(5, 6), live(6, 7)])
    subscription = clients(await serve(inbox)).subscribe("alice", cursor_store=store)

    stored = []
    for _ in range(3):
        await anext(subscription)
        stored.append(store.load("alice"))

    assert stored == ["", "c5", "c6"]


async def test_asking_stores_before_it_waits(
    serve: Serve, clients: Clients, store: CursorStore
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()])
    subscription = clients(await serve(inbox)).subscribe("alice", cursor_store=store)
    await anext(subscription)

    async def follow() -> None:
        await anext(subscription)

    waiting = asyncio.create_task(follow())

    await until(lambda: store.load("alice") == "c5")
    await subscription.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_what_was_not_finished_comes_again(
    serve: Serve, clients: Clients, store: CursorStore
) -> None:
    inbox = ScriptedInbox([snapshot(5), live(5, 6)], [replay(5, 6, 6, last=True)])
    client = clients(await serve(inbox))
    first = client.subscribe("alice", cursor_store=store)
    received = [(await anext(first)).revision for _ in range(2)]
    await first.aclose()

    again = (await anext(client.subscribe("alice", cursor_store=store))).revision

    assert (received, again) == ([5, 6], 6)
    assert inbox.requests[1].cursor == "c5"


async def test_the_stored_cursor_is_cleared_before_an_update_that_starts_over(
    serve: Serve, clients: Clients, store: CursorStore
) -> None:
    store.save("alice", "too-old")
    inbox = ScriptedInbox([snapshot(5, 5, last=False), snapshot(5, after=5), live(5, 6)])
    subscription = clients(await serve(inbox)).subscribe("alice", cursor_store=store)

    stored = []
    for _ in range(3):
        await anext(subscription)
        stored.append(store.load("alice"))

    assert inbox.requests[0].cursor == "too-old"
    assert stored == ["", "", "c5"]


class _Gated(MemoryCursorStore):
    """Saves only once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_save = threading.Event()
        self.saving: list[threading.Thread] = []
        self.events: list[str] = []

    def save(self, user_id: str, cursor: str) -> None:
        self.saving.append(threading.current_thread())
        assert self.may_save.wait(20)
        super().save(user_id, cursor)
        self.events.append("saved")


async def test_closing_waits_for_a_save_that_is_under_way(serve: Serve, clients: Clients) -> None:
    store = _Gated()
    inbox = ScriptedInbox([replay(5, 6, 6, last=True), silence()])
    store._cursors["alice"] = "c5"
    subscription = clients(await serve(inbox)).subscribe("alice", cursor_store=store)
    await anext(subscription)

    async def follow() -> None:
        await anext(subscription)

    waiting = asyncio.create_task(follow())
    await until(lambda: bool(store.saving))
    closing = asyncio.create_task(subscription.aclose())
    closing.add_done_callback(lambda _: store.events.append("closed"))
    await until(lambda: subscription._closed)
    store.may_save.set()
    await closing

    assert store.events == ["saved", "closed"]
    assert store.load("alice") == "c6"
    assert threading.main_thread() not in store.saving
    with pytest.raises(StopAsyncIteration):
        await waiting


class _Failing(MemoryCursorStore):
    def __init__(self, failure: OSError) -> None:
        super().__init__()
        self._failure = failure

    def save(self, user_id: str, cursor: str) -> None:
        raise self._failure


# A TimeoutError is no wait for an update that may go on.
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "no room"), TimeoutError("no room")])
async def test_what_a_store_raises_ends_the_subscription(
    serve: Serve, clients: Clients, failure: OSError
) -> None:
    inbox = ScriptedInbox([replay(5, 6, 6, last=True), silence()])
    store = _Failing(failure)
    store._cursors["alice"] = "c5"
    subscription = clients(await serve(inbox)).subscribe("alice", cursor_store=store)
    await anext(subscription)

    with pytest.raises(OSError, match="no room"):
        await anext(subscription)

    with pytest.raises(StopAsyncIteration):
        await anext(subscription)
    await inbox.until_open(0)


async def test_a_cursor_beside_a_store_is_refused(clients: Clients) -> None:
    with pytest.raises(ValueError, match="cursor or cursor_store"):
        clients("unix:none").subscribe("alice", cursor="c1", cursor_store=MemoryCursorStore())


async def test_an_empty_cursor_and_none_begin_with_a_snapshot(
    serve: Serve, clients: Clients
) -> None:
    inbox = ScriptedInbox([snapshot(5), silence()], repeat=True)
    client = clients(await serve(inbox))

    for cursor in ("", None):
        async with client.subscribe("alice", cursor=cursor) as subscription:
            await anext(subscription)

    assert [request.cursor for request in inbox.requests] == ["", ""]


async def test_what_is_no_store_is_refused_at_once(clients: Clients) -> None:
    with pytest.raises(TypeError, match="must have load and save, as FileCursorStore"):
        clients("unix:none").subscribe("alice", cursor_store="cursors.json")  # type: ignore[arg-type]  # a user's mistake


class _Ending(MemoryCursorStore):
    def save(self, user_id: str, cursor: str) -> None:
        raise StopIteration


class _Empty(MemoryCursorStore):
    def load(self, user_id: str) -> str:
        return None  # type: ignore[return-value]  # a user's mistake


@pytest.mark.parametrize(
    ("store", "error", "message"),
    [
        (_Ending(), RuntimeError, "the cursor store raised StopIteration"),
        (_Empty(), TypeError, "the cursor store returned NoneType, not a string"),
    ],
    ids=["StopIteration", "None"],
)
async def test_a_store_that_breaks_its_contract_is_named(
    serve: Serve,
    clients: Clients,
    store: CursorStore,
    error: type[Exception],
    message: str,
) -> None:
    client = clients(await serve(ScriptedInbox([snapshot(5), silence()])))

    async with client.subscribe("alice", cursor_store=store) as subscription:
        with pytest.raises(error, match=message):
            async for _ in subscription:
                pass


def test_a_file_keeps_its_mode_and_what_a_kill_left_beside_it_goes(path: Path) -> None:
    store = FileCursorStore(path)
    store.save("alice", "a1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    path.with_name(".cursors.json.new").write_text("half of it")

    store.save("alice", "a2")

    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert beside(path) == {path}


_FORKING = """
import os, sys, threading
from tocsin_client import FileCursorStore

class Slow(FileCursorStore):
    def _write(self, cursors):
        writing.set()
        may_write.wait()
        super()._write(cursors)

path = sys.argv[1]
writing, may_write = threading.Event(), threading.Event()
may_end, end = os.pipe()
saving = threading.Thread(target=Slow(path).save, args=("alice", "a1"))
saving.start()
writing.wait()
# The child has the lock's descriptor, too, and outlives the save.
child = os.fork()
if not child:
    os.close(end)
    os.read(may_end, 1)
    FileCursorStore(path).save("bob", "b1")
    os._exit(0)
may_write.set()
saving.join()
FileCursorStore(path).save("carol", "c1")
os.close(end)
print(os.waitpid(child, 0)[1])
print(*(FileCursorStore(path).load(user) for user in ("alice", "bob", "carol")))
"""


async def test_a_process_that_was_forked_during_a_save_keeps_no_lock(path: Path) -> None:
    assert await run(_FORKING, str(path)) == ["0", "a1 b1 c1"]
