"""Channels, messages, inboxes and the answers to requests."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "channels",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False, comment="a JSON object of strings"),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("update_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "channel_id", name=op.f("pk_channels")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inbox_channels",
        sa.Column("inbox_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("total_count", sa.BigInteger(), nullable=False),
        sa.Column("unread_count", sa.BigInteger(), nullable=False),
        sa.Column("unseen_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id", "channel_id", name=op.f("pk_inbox_channels")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inboxes",
        sa.Column(
            "inbox_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("oldest_revision", sa.BigInteger(), nullable=False),
        sa.Column("total_count", sa.BigInteger(), nullable=False),
        sa.Column("unread_count", sa.BigInteger(), nullable=False),
        sa.Column("unseen_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_inboxes")),
        sa.UniqueConstraint("tenant", "user_id", name=op.f("uq_inboxes_tenant_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "messages",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False, comment="the body's length in bytes"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="as the transport encodes it"),
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
        sa.Column("sequence", sa.BigInteger(), nullable=False, comment="the message's"),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("arrive_revision", sa.BigInteger(), nullable=False),
        sa.Column("receive_time", sa.BigInteger(), nullable=False),
        sa.Column("seen_time", sa.BigInteger(), nullable=True),
        sa.Column("read_time", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("inbox_id", "sequence", name=op.f("pk_notifications")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_notifications_inbox_id_arrive_revision_sequence"),
        "notifications",
        ["inbox_id", "arrive_revision", "sequence"],
        unique=False,
    )
    op.create_index(
        op.f("ix_notifications_inbox_id_channel_id_arrive_revision_sequence"),
        "notifications",
        ["inbox_id", "channel_id", "arrive_revision", "sequence"],
        unique=False,
    )
    op.create_index(
        op.f("ix_notifications_inbox_id_revision_sequence"),
        "notifications",
        ["inbox_id", "revision", "sequence"],
        unique=False,
    )
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["inbox_id", "arrive_revision", "sequence"],
        unique=False,
        sqlite_where=sa.text("read_time IS NULL"),
        postgresql_where=sa.text("read_time IS NULL"),
    )
    op.create_table(
        "requests",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("rpc", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column(
            "answer",
            sa.Text(),
            nullable=False,
            comment="a JSON array: the body's digest, the facts",
        ),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "caller", "rpc", "request_id", name=op.f("pk_requests")),
        comment="The answers given to requests that named themselves.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "store_facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_store_facts")),
        comment="Facts about the store itself: its epoch.",
    )
