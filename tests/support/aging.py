"""A store with a past: sends, marks of every kind, a channel that was deleted, and pruning."""

from pathlib import Path

from tocsin_server.domain.model.marking import Marking, Selection
from tocsin_server.domain.model.messages import Sent
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.doctor.examine import examine
from tocsin_server.store.doctor.findings import Finding
from tocsin_server.store.store import SqlStore

from tests.support.building import ALICE, BOB, channel, request, send
from tests.support.clocks import SetClock
from tests.support.serving import database

USERS = ("alice", "bob", "carol")
HISTORY_SECONDS = 7200


async def age(file: Path, rounds: int = 6) -> None:
    """Makes a store in a file and gives it a past."""
    await age_store(database(file), rounds)


async def age_store(url: str, rounds: int = 6) -> None:
    """Gives a store a past; it ends with an even one that nothing is left to do in."""
    clock = SetClock()
    store = await SqlStore.open(url, Hub(1), clock, Retention(3600.0, HISTORY_SECONDS))
    for channel_id in ("news", "offers"):
        await store.channels.create_channel(request(), channel(channel_id))
    for turn in range(rounds):
        brief = f"brief-{turn}"
        await store.channels.create_channel(request(), channel(brief))
        ids = []
        for number, channel_id in enumerate(("news", "offers", brief, "news")):
            name = f"request-{turn}-{number}"
            now = clock.now()
            new_send = send(*USERS, channel_id=channel_id, request_id=name, create_time=now)
            (sent,) = await store.messages.send([new_send])
            assert isinstance(sent, Sent)
            ids.append(sent.message.message_id)
        for key, selection, read, seen in (
            (ALICE, Selection(None, ("news",), 0), True, None),
            (ALICE, Selection((ids[0], ids[2]), None, 0), False, None),
            (BOB, Selection(None, None, 0), None, True),
            (BOB, Selection((ids[1],), None, 0), None, False),
        ):
            marking = Marking(request(rpc="UpdateNotifications"), key, selection, read, seen)
            await store.inboxes.mark(marking, clock.now())
        asked_to = request(rpc="DeleteChannel")
        await store.channels.delete_channel(asked_to, brief, clock.now(), force=True)
        while await store.jobs.work(clock.now()):
            pass
        clock.advance(HISTORY_SECONDS // 3)
        while await store.pruning.prune(clock.now()):
            pass
    await store.close()


def examined(file: Path, *, repair: bool = False) -> list[Finding]:
    """What is wrong in the store of a file."""
    return examined_store(database(file), repair=repair)


def examined_store(url: str, *, repair: bool = False) -> list[Finding]:
    """What is wrong in a store."""
    findings: list[Finding] = []
    examine(url, findings.append, repair=repair)
    return findings
