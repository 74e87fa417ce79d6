"""Which changes this client can apply; a newer server may send others, too."""

from tocsin.v1.inbox_pb2 import Mark, NotificationChange

# A mark of ids comes as notifications that changed.
_TARGETS = {"channel_ids", "all"}


def kind_of(change: NotificationChange) -> str | None:
    """The kind of a change, as its field is called; None when this client cannot apply it.

    It cannot apply a change of an unknown kind, nor a mark with unknown fields: without them it
    might mark too much, or something else. Unknown fields of a notification do no harm.
    """
    kind = change.WhichOneof("kind")
    return None if kind == "marked" and not _is_known(change.marked) else kind


def _is_known(mark: Mark) -> bool:
    """Whether a mark has a known target, and no unknown field at any depth."""
    if mark.selector.WhichOneof("target") not in _TARGETS:
        return False
    known = Mark()
    known.CopyFrom(mark)
    known.DiscardUnknownFields()
    return known.ByteSize() == mark.ByteSize()
