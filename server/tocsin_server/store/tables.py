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
    comment="Facts about the store itself: its epoch.",
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
    Column("sequence", BigInteger, primary_key=True, comment="the message's"),
    Column("channel_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("arrive_revision", BigInteger, nullable=False),
    Column("receive_time", BigInteger, nullable=False),
    Column("seen_time", BigInteger),
    Column("read_time", BigInteger),
    Index(None, "inbox_id", "revision", "sequence"),
    Index(None, "inbox_id", "arrive_revision", "sequence"),
    Index(None, "inbox_id", "channel_id", "arrive_revision", "sequence"),
    Index(
        "ix_notifications_unread",
        "inbox_id",
        "arrive_revision",
        "sequence",
        sqlite_where=text("read_time IS NULL"),
        postgresql_where=text("read_time IS NULL"),
    ),
    sqlite_with_rowid=False,
)

requests = Table(
    "requests",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("rpc", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("answer", Text, nullable=False, comment="a JSON array: the body's digest, the facts"),
    Column("create_time", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="The answers given to requests that named themselves.",
)
