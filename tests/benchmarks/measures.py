"""What is measured, in which unit, and which figures are required."""

from dataclasses import dataclass
from typing import Literal

from tests.benchmarks import (
    deleting,
    inboxes,
    marking,
    resources,
    restarting,
    sending,
    streaming,
)
from tests.benchmarks.servers import BARE, ON_POSTGRESQL, TOCSIN, Program
from tests.benchmarks.sizes import Prepare


@dataclass(frozen=True, slots=True)
class Wanted:
    """A required figure: what is bounded, from which side, and by what."""

    what: Literal["ratio", "tocsin"]
    side: Literal["at least", "at most"]
    bound: float

    def met_by(self, baseline: float, tocsin: float) -> bool:
        """Says whether these two medians meet it."""
        figure = tocsin / baseline if self.what == "ratio" else tocsin
        return figure >= self.bound if self.side == "at least" else figure <= self.bound

    def text(self, unit: str) -> str:
        """Says it in short, an absolute one in `unit`."""
        sign = "≥" if self.side == "at least" else "≤"
        return f"{sign} {self.bound:.2f}" + ("" if self.what == "ratio" else f" {unit}")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a round: its name there, its title and unit, and what is required of it."""

    name: str
    title: str
    unit: str
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured in rounds, on which server, and what figures a round gives.

    The baseline is the same on the bare server, or something else on the same one.
    """

    name: str
    prepare: Prepare
    figures: tuple[Figure, ...]
    tocsin: Program = TOCSIN
    baseline: Prepare | None = None

    @property
    def sides(self) -> tuple[tuple[Prepare, Program], tuple[Prepare, Program]]:
        """What is run in turn: the baseline, and what is compared with it."""
        baseline = (self.prepare, BARE)
        if self.baseline is not None:
            baseline = (self.baseline, self.tocsin)
        return baseline, (self.prepare, self.tocsin)


def _looks(database: str, program: Program) -> Measure:
    """The first look into a large inbox, against that into a small one."""
    titles = {
        "inbox": "GetInbox",
        "list": "ListNotifications, first page",
        "channels": "ListInboxChannels",
    }
    return Measure(
        f"looks-{database.lower()}",
        inboxes.looks(lambda sizes: sizes.large_inbox),
        tuple(
            Figure(name, f"{title}, {database}", "ms", Wanted("ratio", "at most", 1.3))
            for name, title in titles.items()
        ),
        program,
        inboxes.looks(lambda sizes: sizes.small_inbox),
    )


MEASURES = (
    Measure(
        "sends-1",
        sending.lone_sends,
        (Figure("rate", "durable sends, 1 caller", "sends/s", Wanted("ratio", "at least", 0.34)),),
    ),
    Measure(
        "sends-64",
        sending.concurrent_sends,
        (
            Figure(
                "rate",
                "durable sends, 64 callers",
                "sends/s",
                Wanted("ratio", "at least", 0.8),
            ),
        ),
    ),
    Measure(
        "sends-64-postgresql",
        sending.concurrent_sends,
        (
            Figure(
                "rate",
                "the same on PostgreSQL",
                "sends/s",
                Wanted("ratio", "at least", 0.35),
            ),
        ),
        ON_POSTGRESQL,
    ),
    Measure(
        "batches",
        sending.batched_sends,
        (
            Figure(
                "rate",
                "batches of 100, 4 callers, against lone sends",
                "messages/s",
                Wanted("ratio", "at least", 5.5),
            ),
        ),
    ),
    Measure(
        "send-to-receive",
        streaming.exchanges,
        (
            Figure("p50", "send to receive, p50", "ms"),
            Figure("p99", "send to receive, p99", "ms"),
        ),
    ),
    Measure(
        "fan-out",
        streaming.fan_out,
        (
            Figure(
                "last",
                "one message to 1,000 streams, the last",
                "ms",
                Wanted("ratio", "at most", 2.0),
            ),
        ),
    ),
    Measure(
        "catch-up",
        streaming.catch_up,
        (
            Figure(
                "rate",
                "catch-up of 100,000",
                "notifications/s",
                Wanted("ratio", "at least", 7.0),
            ),
        ),
    ),
    Measure(
        "memory",
        resources.idle_memory,
        (
            Figure(
                "memory",
                "memory an idle stream",
                "KiB",
                Wanted("ratio", "at most", 0.9),
            ),
        ),
    ),
    Measure(
        "start",
        resources.start,
        (Figure("start", "start to ready, empty store", "s", Wanted("tocsin", "at most", 0.55)),),
    ),
    Measure(
        "restart",
        restarting.streams_back,
        (
            Figure(
                "back",
                "streams back after a restart, the last",
                "s",
                Wanted("tocsin", "at most", 2.0),
            ),
        ),
    ),
    _looks("SQLite", TOCSIN),
    _looks("PostgreSQL", ON_POSTGRESQL),
    Measure(
        "marks",
        inboxes.marks(lambda sizes: sizes.marked_inbox),
        (
            Figure("mark", "marking 100,000 read", "s", Wanted("tocsin", "at most", 1.0)),
            Figure("wait", "the longest send meanwhile", "s", Wanted("tocsin", "at most", 0.5)),
        ),
        TOCSIN,
        inboxes.marks(lambda sizes: sizes.small_inbox),
    ),
    Measure(
        "marks-100",
        marking.many_marks,
        (
            Figure("rate", "100 users mark 1,000 each, again and again", "marks/s"),
            Figure("wait", "the longest send beside 100 marks", "s"),
        ),
    ),
    Measure(
        "deletion",
        deleting.steps(lambda sizes: sizes.deleted_messages),
        (
            Figure(
                "longest", "the longest step of a deletion", "ms", Wanted("tocsin", "at most", 20.0)
            ),
            Figure("median", "a step of a deletion", "ms"),
        ),
        TOCSIN,
        deleting.steps(lambda _: 1),
    ),
)
