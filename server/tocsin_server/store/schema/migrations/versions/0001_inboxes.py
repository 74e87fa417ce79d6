"""Channels, messages, inboxes, the answers to requests, and jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001_inboxes"
down_revision = None

_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_with_room = {"fillfactor": 70}


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "channels",
        sa.Column("tenant", _text, nullable=False),
        sa.Column("channel_id", _text, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("title", _text, nullable=False),
        sa.Column("description", _text, nullable=False),
        sa.Column(
            "labels",
            _text,
            nullable=False,
            comment="a JSON object of strings",
        ),
        sa.Column("etag", _text, nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.Column(
            "delete_time",
            sa.BigInteger(),
            nullable=True,
            comment="set while its deletion is under way",
        ),
        sa.PrimaryKeyConstraint("tenant", "channel_id", name=op.f("pk_channels")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inbox_channels",
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", _text, nullable=False),
        sa.Column("total_count", sa.BigInteger(), nullable=False),
        sa.Column("unread_count", sa.BigInteger(), nullable=False),
        sa.Column("unseen_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id", "channel_id", name=op.f("pk_inbox_channels")),
        postgresql_with=_with_room,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inboxes",
        sa.Column("inbox_id", _number, autoincrement=True, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("user_id", _text, nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("oldest_revision", sa.BigInteger(), nullable=False),
        sa.Column("total_count", sa.BigInteger(), nullable=False),
        sa.Column("unread_count", sa.BigInteger(), nullable=False),
        sa.Column("unseen_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_inboxes")),
        sa.UniqueConstraint("tenant", "user_id", name=op.f("uq_inboxes_tenant_user_id")),
        postgresql_with=_with_room,
        sqlite_autoincrement=True,
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", _number, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("kind", _text, nullable=False),
        sa.Column(
            "subject",
            _text,
            nullable=False,
            comment="what it is about: the kind's own",
        ),
        sa.Column(
            "position",
            _text,
            nullable=False,
            comment="how far it has come: the kind's own",
        ),
        sa.Column("turn", sa.BigInteger(), nullable=False, comment="its place in the queue"),
        sa.Column(
            "due_time",
            sa.BigInteger(),
            nullable=False,
            comment="0 for now, whatever the clock says",
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_jobs")),
        comment="Long work, done in short transactions.",
    )
    op.create_index(op.f("ix_jobs_turn"), "jobs", ["turn"], unique=False)
    op.create_table(
        "marks",
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column(
            "channel_ids",
            _text,
            nullable=True,
            comment="a JSON array; absent for every channel",
        ),
        sa.Column("up_to_revision", sa.BigInteger(), nullable=False),
        sa.Column("read", sa.SmallInteger(), nullable=True, comment="0, 1, or absent"),
        sa.Column("seen", sa.SmallInteger(), nullable=True, comment="0, 1, or absent"),
        sa.Column("mark_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id", "revision", name=op.f("pk_marks")),
        comment="The log of changes to all that a selector fits.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_marks_mark_time"), "marks", ["mark_time"], unique=False)
    op.create_table(
        "messages",
        sa.Column("sequence", _number, autoincrement=True, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("message_id", _text, nullable=False),
        sa.Column("channel_id", _text, nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("sender", _text, nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False, comment="the body's length in bytes"),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="as the transport encodes it, but for the state",
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_messages")),
        sa.UniqueConstraint("tenant", "message_id", name=op.f("uq_messages_tenant_message_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_messages_tenant_channel_id_sequence"),
        "messages",
        ["tenant", "channel_id", "sequence"],
        unique=False,
    )
    op.create_table(
        "notifications",
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("arrive_revision", sa.BigInteger(), nullable=False, comment="one arrival each"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="the message's"),
        sa.Column("channel_id", _text, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("receive_time", sa.BigInteger(), nullable=False),
        sa.Column("seen_time", sa.BigInteger(), nullable=True),
        sa.Column("read_time", sa.BigInteger(), nullable=True),
        sa.Column("remove_time", sa.BigInteger(), nullable=True, comment="set in a tombstone"),
        sa.Column(
            "message_id",
            _text,
            nullable=True,
            comment="set in a tombstone, which outlives its message",
        ),
        sa.PrimaryKeyConstraint("inbox_id", "arrive_revision", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "sequence", "inbox_id", name=op.f("uq_notifications_sequence_inbox_id")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_notifications_changed",
        "notifications",
        ["inbox_id", "revision", "sequence"],
        unique=False,
        sqlite_where=sa.text("revision <> arrive_revision"),
        postgresql_where=sa.text("revision <> arrive_revision"),
    )
    op.create_index(
        "ix_notifications_of_channel",
        "notifications",
        ["inbox_id", "channel_id", "arrive_revision"],
        unique=False,
        sqlite_where=sa.text("remove_time IS NULL"),
        postgresql_where=sa.text("remove_time IS NULL"),
    )
    op.create_index(
        "ix_notifications_removed",
        "notifications",
        ["remove_time", "inbox_id", "arrive_revision"],
        unique=False,
        sqlite_where=sa.text("remove_time IS NOT NULL"),
        postgresql_where=sa.text("remove_time IS NOT NULL"),
    )
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["inbox_id", "arrive_revision"],
        unique=False,
        sqlite_where=sa.text("read_time IS NULL AND remove_time IS NULL"),
        postgresql_where=sa.text("read_time IS NULL AND remove_time IS NULL"),
    )
    op.create_table(
        "idempotency",
        sa.Column("number", _number, nullable=False),
        sa.Column("tenant", _text, nullable=False),
        sa.Column("caller", _text, nullable=False),
        sa.Column("rpc", _text, nullable=False),
        sa.Column("request_id", _text, nullable=False),
        sa.Column(
            "answer",
            _text,
            nullable=False,
            comment="a JSON array: the body's digest, the facts",
        ),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_idempotency")),
        sa.UniqueConstraint(
            "request_id",
            "tenant",
            "caller",
            "rpc",
            name=op.f("uq_idempotency_request_id_tenant_caller_rpc"),
        ),
        comment="The answers to requests with a request id.",
    )
    op.create_index(
        op.f("ix_idempotency_create_time"), "idempotency", ["create_time"], unique=False
    )
    op.create_table(
        "store_facts",
        sa.Column("name", _text, nullable=False),
        sa.Column("value", _text, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_store_facts")),
        comment="Facts about the store itself, such as its epoch.",
    )
