"""The tables. Times are microseconds since the Unix epoch.

An inbox has a number, `inbox_id`, that stands for one life of one (tenant,
user): whatever belongs to an inbox is keyed by it, and only `inboxes` leads
from a tenant and a user to the number. A message has a number, `sequence`, in
commit order. Both stay inside the server and are never used again.
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

_number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows only by the type INTEGER, which is 64 bits wide there."""

store_facts = Table(
    "store_facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="Facts about the store itself, such as its epoch.",
)

channels = Table(
    "channels",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("channel_id", Text, primary_key=True),
    Column("type", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("labels", Text, nullable=False, comment="a JSON object of strings"),
    Column("etag", Text, nullable=False),
    Column("create_time", BigInteger, nullable=False),
    Column("update_time", BigInteger, nullable=False),
    Column("delete_time", BigInteger, comment="set while its deletion is under way"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("sequence", _number, primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("channel_id", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("sender", Text, nullable=False),
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
    Column("tenant", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("oldest_revision", BigInteger, nullable=False),
    Column("total_count", BigInteger, nullable=False),
    Column("unread_count", BigInteger, nullable=False),
    Column("unseen_count", BigInteger, nullable=False),
    UniqueConstraint("tenant", "user_id"),
    sqlite_autoincrement=True,
)

inbox_channels = Table(
    "inbox_channels",
    metadata,
    Column("inbox_id", BigInteger, primary_key=True),
    Column("channel_id", Text, primary_key=True),
    Column("total_count", BigInteger, nullable=False),
    Column("unread_count", BigInteger, nullable=False),
    Column("unseen_count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

notifications = Table(
    "notifications",
    metadata,
    Column("inbox_id", BigInteger, primary_key=True),
    Column("arrive_revision", BigInteger, primary_key=True, comment="one arrival each"),
    Column("sequence", BigInteger, nullable=False, comment="the message's"),
    Column("channel_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("receive_time", BigInteger, nullable=False),
    Column("seen_time", BigInteger),
    Column("read_time", BigInteger),
    Column("remove_time", BigInteger, comment="set in a tombstone"),
    Column("message_id", Text, comment="set in a tombstone, which outlives its message"),
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
"""A tombstone has another revision than it arrived at, as everything has that was changed alone."""

marks = Table(
    "marks",
    metadata,
    Column("inbox_id", BigInteger, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("channel_ids", Text, comment="a JSON array; absent for every channel"),
    Column("up_to_revision", BigInteger, nullable=False),
    Column("read", SmallInteger, comment="0, 1, or absent"),
    Column("seen", SmallInteger, comment="0, 1, or absent"),
    Column("mark_time", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
    comment="The log of changes to all that a selector fits.",
)

requests = Table(
    "requests",
    metadata,
    Column("number", _number, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("rpc", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("answer", Text, nullable=False, comment="a JSON array: the body's digest, the facts"),
    Column("create_time", BigInteger, nullable=False, index=True),
    UniqueConstraint("tenant", "caller", "rpc", "request_id"),
    comment="The answers given to requests that named themselves.",
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", _number, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="what it is about: the kind's own"),
    Column("position", Text, nullable=False, comment="how far it has come: the kind's own"),
    Column("turn", BigInteger, nullable=False, comment="its place in the queue", index=True),
    Column("due_time", BigInteger, nullable=False, comment="0 for now, whatever the clock says"),
    comment="Long work, done in short transactions.",
)
