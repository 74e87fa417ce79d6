"""The tables. Times are microseconds since the Unix epoch.

An inbox has a number, `inbox_id`, for one life of one (tenant, user). Everything
that belongs to an inbox is keyed by it, and only `inboxes` maps a tenant and a user
to the number. A message has a number, `sequence`, in the order of sending; when
several connections write, messages may commit in another order. Neither number
leaves the server, and neither is ever reused.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_text = Text().with_variant(Text(collation="C"), "postgresql")
"""The collation "C" orders texts by code point, as SQLite and Python do."""

_WITH_ROOM = {"fillfactor": 70}
"""Leaves room in each page, so that an updated row stays in it and no index changes (HOT)."""

_number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite assigns row numbers only to the type INTEGER, which has 64 bits there."""

store_facts = Table(
    "store_facts",
    metadata,
    Column("name", _text, primary_key=True),
    Column("value", _text, nullable=False),
    comment="Facts about the store itself, such as its epoch.",
)

channels = Table(
    "channels",
    metadata,
    Column("tenant", _text, primary_key=True),
    Column("channel_id", _text, primary_key=True),
    Column("type", SmallInteger, nullable=False),
    Column("title", _text, nullable=False),
    Column("description", _text, nullable=False),
    Column("labels", _text, nullable=False, comment="a JSON object of strings"),
    Column("etag", _text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("delete_time", BigInteger, comment="set while its deletion is under way"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("sequence", _number, primary_key=True, autoincrement=True),
    Column("tenant", _text, nullable=False),
    Column("message_id", _text, nullable=False),
    Column("channel_id", _text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("sender", _text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("size", Integer, nullable=False, comment="the body's length in bytes"),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="as the transport encodes it, but for the state",
    ),
    UniqueConstraint("tenant", "message_id"),
    Index(None, "tenant", "channel_id", "sequence"),
    sqlite_autoincrement=True,
)

inboxes = Table(
    "inboxes",
    metadata,
    Column("inbox_id", _number, primary_key=True, autoincrement=True),
    Column("tenant", _text, nullable=False),
    Column("user_id", _text, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("oldest_revision", BigInteger, nullable=False),
    Column("total_count", BigInteger, nullable=False),
    Column("unread_count", BigInteger, nullable=False),
    Column("unseen_count", BigInteger, nullable=False),
    UniqueConstraint("tenant", "user_id"),
    sqlite_autoincrement=True,
    postgresql_with=_WITH_ROOM,
)

inbox_channels = Table(
    "inbox_channels",
    metadata,
    Column("inbox_id", BigInteger, primary_key=True),
    Column("channel_id", _text, primary_key=True),
    Column("total_count", BigInteger, nullable=False),
    Column("unread_count", BigInteger, nullable=False),
    Column("unseen_count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    postgresql_with=_WITH_ROOM,
)

notifications = Table(
    "notifications",
    metadata,
    Column("inbox_id", BigInteger, primary_key=True),
    Column("arrive_revision", BigInteger, primary_key=True, comment="one arrival each"),
    Column("sequence", BigInteger, nullable=False, comment="the message's"),
    Column("channel_id", _text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("receive_time", BigInteger, nullable=False),
    Column("seen_time", BigInteger),
    Column("read_time", BigInteger),
    Column("remove_time", BigInteger, comment="set in a tombstone"),
    Column("message_id", _text, comment="set in a tombstone, which outlives its message"),
    UniqueConstraint("sequence", "inbox_id"),
    *(
        Index(
            f"ix_notifications_{name}",
            *columns,
            sqlite_where=text(where),
            postgresql_where=text(where),
        )
        for name, columns, where in (
            (
                "of_channel",
                ("inbox_id", "channel_id", "arrive_revision"),
                "remove_time IS NULL",
            ),
            (
                "unread",
                ("inbox_id", "arrive_revision"),
                "read_time IS NULL AND remove_time IS NULL",
            ),
            (
                "changed",
                ("inbox_id", "revision", "sequence"),
                "revision <> arrive_revision",
            ),
            (
                "removed",
                ("remove_time", "inbox_id", "arrive_revision"),
                "remove_time IS NOT NULL",
            ),
        )
    ),
    sqlite_with_rowid=False,
)
"""A row that was changed by itself, as a tombstone is, has `revision` <> `arrive_revision`."""

marks = Table(
    "marks",
    metadata,
    Column("inbox_id", BigInteger, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("channel_ids", _text, comment="a JSON array; absent for every channel"),
    Column("up_to_revision", BigInteger, nullable=False),
    Column("read", SmallInteger, comment="0, 1, or absent"),
    Column("seen", SmallInteger, comment="0, 1, or absent"),
    Column("mark_time", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
    comment="The log of changes to all that a selector fits.",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("number", _number, primary_key=True),
    Column("tenant", _text, nullable=False),
    Column("caller", _text, nullable=False),
    Column("rpc", _text, nullable=False),
    Column("request_id", _text, nullable=False),
    Column("answer", _text, nullable=False, comment="a JSON array: the body's digest, the facts"),
    Column("create_time", BigInteger, nullable=False, index=True),
    UniqueConstraint("request_id", "tenant", "caller", "rpc"),
    comment="The answers to requests with a request id.",
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", _number, primary_key=True),
    Column("tenant", _text, nullable=False),
    Column("kind", _text, nullable=False),
    Column("subject", _text, nullable=False, comment="what it is about: the kind's own"),
    Column("position", _text, nullable=False, comment="how far it has come: the kind's own"),
    Column("turn", BigInteger, nullable=False, comment="its place in the queue", index=True),
    Column("due_time", BigInteger, nullable=False, comment="0 for now, whatever the clock says"),
    comment="Long work, done in short transactions.",
)
