"""Mutations of the server: each breaks one promise, in one place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, RootTransaction, update
from tocsin_server.api import page_tokens
from tocsin_server.domain.following import Follower
from tocsin_server.domain.model.changes import Change, Item, Removal
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.marking import Effect
from tocsin_server.domain.model.messages import Send
from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.model.streams import Response
from tocsin_server.live import hub
from tocsin_server.live.hub import Hub, HubWatch
from tocsin_server.store import fan_out, history, idempotency, marking, pruning, sending
from tocsin_server.store.fan_out import Addressed, Arrival
from tocsin_server.store.pages import Stored
from tocsin_server.store.revisions import Difference
from tocsin_server.store.schema.tables import inboxes
from tocsin_server.store.writing.group_commit import Committed, GroupCommitter, Task

from tests.stateful import promises

Mutation = AbstractContextManager[Any]


def answers_come_before_a_commit_that_fails() -> Mutation:
    """A group with a send to three or more is answered, and lost."""
    commit, begin = GroupCommitter.commit, GroupCommitter._begin

    def mutated(self: GroupCommitter, connection: Connection, group: Sequence[Task]) -> Committed:
        def lose(self: GroupCommitter, connection: Connection) -> RootTransaction:
            return _Lost(begin(self, connection))  # type: ignore[return-value]  # all that is used

        sends = [task.work for task in group if isinstance(task.work, Send)]
        if any(len(send.draft.recipients) > 2 for send in sends):
            with patch.object(GroupCommitter, "_begin", lose):
                return commit(self, connection, group)
        return commit(self, connection, group)

    return patch.object(GroupCommitter, "commit", mutated)


class _Lost:
    """A transaction that ends without a commit."""

    def __init__(self, transaction: RootTransaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._transaction.rollback()


def marks_of_ids_come_before_a_commit_that_fails() -> Mutation:
    """A mark by ids counts, and leaves the notifications as they are."""
    by_ids = [kind for kind in marking._CHANGE if kind[1] is marking._Scan.MESSAGES]
    return patch.dict(marking._CHANGE, dict.fromkeys(by_ids, lambda *_: ()))


@contextmanager
def answers_are_forgotten() -> Iterator[None]:
    """No answer is kept for a request that comes again."""
    with (
        patch.object(idempotency, "keep", lambda *_: None),
        patch.object(sending, "keep", lambda *_: None),
    ):
        yield


def answers_are_forgotten_too_early() -> Mutation:
    """Answers count for a sixth of their retention."""
    since = Retention.answers_since
    return patch.object(
        Retention, "answers_since", lambda self, now: since(self, now) + 3_000_000_000
    )


def one_recipient_keeps_its_revision() -> Mutation:
    """The last of several recipients does not take the next revision."""
    arrive = fan_out.arrive

    def mutated(
        connection: Connection, tenant: str, addressed: Sequence[Addressed]
    ) -> list[Arrival]:
        arrived = arrive(connection, tenant, addressed)
        if len(addressed[-1][1]) > 1:
            back = update(inboxes).values(revision=inboxes.c.revision - 1)
            connection.execute(back.where(inboxes.c.user_id == arrived[-1].key.user_id))
        return arrived

    return patch.object(sending, "arrive", mutated)


def live_gives_the_last_of_several_changes() -> Mutation:
    """Of changes that share a LIVE response the first ones are left out."""
    go_live = Follower._go_live

    def mutated(self: Follower, cursor: Cursor, changes: Sequence[Change]) -> Response:
        return go_live(self, cursor, changes[-1:])

    return patch.object(Follower, "_go_live", mutated)


def replay_skips_marks() -> Mutation:
    """What a mark changed is not replayed."""
    return patch.object(history, "_marks", lambda *_: ((), history._END))


def replay_skips_tombstones() -> Mutation:
    """What was removed is not replayed."""
    rows = history._rows

    def mutated(
        found: Sequence[Stored], limit: int, read: Callable[[Stored], Item]
    ) -> history._Source:
        items, behind = rows(found, limit, read)
        return [item for item in items if not isinstance(item, Removal)], behind

    return patch.object(history, "_rows", mutated)


def pruning_forgets_what_it_pruned() -> Mutation:
    """A cursor from before what was pruned goes on as if nothing were missing."""
    return patch.object(pruning, "_RAISE", lambda *_: None)


def heartbeats_are_one_ahead() -> Mutation:
    """The cursor of a heartbeat covers the revision that is not there yet."""
    heartbeat = Follower._heartbeat

    def mutated(self: Follower, cursor: Cursor) -> Response:
        position = Position(cursor.position.revision + 1)
        return heartbeat(self, replace(cursor, position=position))

    return patch.object(Follower, "_heartbeat", mutated)


def a_goodbye_covers_what_is_pending() -> Mutation:
    """The cursor of a RECONNECT covers what was not delivered any more."""
    reconnect = Follower._reconnect

    def mutated(self: Follower) -> Response:
        if self._cursor and (pending := self._watch.take()):
            self._cursor = replace(self._cursor, position=Position(pending[-1].revision))
        return reconnect(self)

    return patch.object(Follower, "_reconnect", mutated)


def reading_leaves_unseen_as_it_was() -> Mutation:
    """What becomes read, and so seen, still counts as unseen."""
    difference = marking._difference

    def mutated(
        effect: Effect, channel_id: str, count: int, unread: int, unseen: int
    ) -> Difference:
        by = difference(effect, channel_id, count, unread, unseen).counters
        if effect is Effect.READ:
            by = Counters(by.total, by.unread, 0)
        return Difference(channel_id, by)

    return patch.object(marking, "_difference", mutated)


@contextmanager
def whatever_is_pending_is_kept() -> Iterator[None]:
    """Nothing is too much to be pending for a stream."""
    offer = HubWatch.offer

    def mutated(self: HubWatch, change: Change) -> None:
        with (
            patch.object(hub, "PENDING_CHANGES", 2**30),
            patch.object(hub, "PENDING_BYTES", 2**30),
        ):
            offer(self, change)

    with patch.object(HubWatch, "offer", mutated):
        yield


def who_is_behind_keeps_the_others_waiting() -> Mutation:
    """Streams that opened after one that is behind hear nothing."""

    def mutated(self: Hub, changes: Sequence[Change]) -> None:
        for change in changes:
            for watch in self._watches.get(change.key, ()):
                watch.offer(change)
                if watch.behind:
                    break

    return patch.object(Hub, "announce", mutated)


def cursors_of_others_are_taken() -> Mutation:
    """A cursor leads on in the inbox of any user."""

    def mutated(self: Cursor, epoch: int, inbox: bytes) -> bool:
        return self.epoch == epoch

    return patch.object(Cursor, "is_of", mutated)


def page_tokens_of_others_are_taken() -> Mutation:
    """A page token leads on in the list of any user."""
    return patch.object(page_tokens, "binding", lambda *_: b"")


MUTATIONS: Sequence[tuple[Callable[..., None], Callable[[], Mutation]]] = (
    (promises.acknowledged_is_durable, answers_come_before_a_commit_that_fails),
    (promises.acknowledged_is_durable, marks_of_ids_come_before_a_commit_that_fails),
    (promises.once, answers_are_forgotten),
    (promises.once, answers_are_forgotten_too_early),
    (promises.ordered_and_gap_free, one_recipient_keeps_its_revision),
    (promises.ordered_and_gap_free, live_gives_the_last_of_several_changes),
    (promises.resumable, replay_skips_marks),
    (promises.resumable, replay_skips_tombstones),
    (promises.resumable, pruning_forgets_what_it_pruned),
    (promises.never_ahead, heartbeats_are_one_ahead),
    (promises.never_ahead, a_goodbye_covers_what_is_pending),
    (promises.counters_are_true, reading_leaves_unseen_as_it_was),
    (promises.a_slow_reader_harms_only_itself, whatever_is_pending_is_kept),
    (promises.a_slow_reader_harms_only_itself, who_is_behind_keeps_the_others_waiting),
    (promises.yours_alone, cursors_of_others_are_taken),
    (promises.yours_alone, page_tokens_of_others_are_taken),
)
"""What breaks each promise: at least one for each."""
