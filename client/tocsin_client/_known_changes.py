"""Which changes this client can apply; a newer server makes others, too."""

from tocsin.v1.inbox_pb2 import Mark, NotificationChange

# A mark of ids comes as notifications that changed.
_TARGETS = {"channel_ids", "all"}


def kind_of(change: NotificationChange) -> str | None:
    """The kind of a change, as its field is called; None when this client cannot apply it.

    That is one of a kind that is not known, and a mark that says more than is known: without its
    rest it would mark too much, or otherwise. In a notification the rest does no harm.
    """
    kind = change.WhichOneof("kind")
    return None if kind == "marked" and not _is_known(change.marked) else kind


def _is_known(mark: Mark) -> bool:
    """Whether a mark has a target that is known, and nothing at any depth that is not."""
    if mark.selector.WhichOneof("target") not in _TARGETS:
        return False
    known = Mark()
    known.CopyFrom(mark)
    known.DiscardUnknownFields()
    return known.ByteSize() == mark.ByteSize()
