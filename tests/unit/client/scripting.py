"""A real inbox server that plays scripts, and the responses that they are written in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from tocsin.v1.inbox_pb2 import Inbox, Notification, NotificationChange
from tocsin.v1.inbox_service_pb2 import (
    GetInboxRequest,
    GetInboxResponse,
    ListInboxChannelsResponse,
    ListNotificationsResponse,
    SubscribePhase,
    SubscribeRequest,
    SubscribeResponse,
    UpdateNotificationsResponse,
)
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceServicer


def upserts(*revisions: int) -> list[NotificationChange]:
    return [
        NotificationChange(revision=r, upserted=Notification(notification_id=f"n{r}"))
        for r in revisions
    ]


def snapshot(
    revision: int, *revisions: int, after: int = 0, last: bool = True
) -> SubscribeResponse:
    return SubscribeResponse(
        phase=SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT,
        after_revision=after,
        revision=revision,
        changes=upserts(*revisions),
        inbox=Inbox(revision=revision) if last else None,
        cursor=f"c{revision}" if last else "",
        caught_up=last,
    )


def replay(after: int, revision: int, *revisions: int, last: bool = False) -> SubscribeResponse:
    return SubscribeResponse(
        phase=SubscribePhase.SUBSCRIBE_PHASE_REPLAY,
        after_revision=after,
        revision=revision,
        changes=upserts(*revisions),
        inbox=Inbox(revision=revision) if last else None,
        cursor=f"c{revision}",
        caught_up=last,
    )


def live(after: int, revision: int, *revisions: int) -> SubscribeResponse:
    """LIVE with a change of every revision, or with the given changes."""
    return SubscribeResponse(
        phase=SubscribePhase.SUBSCRIBE_PHASE_LIVE,
        after_revision=after,
        revision=revision,
        changes=upserts(*(revisions or range(after + 1, revision + 1))),
        inbox=Inbox(revision=revision),
        cursor=f"c{revision}",
    )


def heartbeat(revision: int, cursor: str = "") -> SubscribeResponse:
    return SubscribeResponse(
        phase=SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT,
        after_revision=revision,
        revision=revision,
        cursor=cursor or f"c{revision}",
    )


def reconnect(revision: int, seconds: float) -> SubscribeResponse:
    response = SubscribeResponse(
        phase=SubscribePhase.SUBSCRIBE_PHASE_RECONNECT,
        after_revision=revision,
        revision=revision,
        cursor=f"drained{revision}",
    )
    response.reconnect_delay.FromMilliseconds(round(seconds * 1000))
    return response


def rich_status(code: grpc.StatusCode, message: str, *details: Message) -> Status:
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def error_info(reason: str, *, domain: str = "tocsin", **metadata: str) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def bad_request(**violations: str) -> BadRequest:
    return BadRequest(
        field_violations=[
            BadRequest.FieldViolation(field=field, description=description)
            for field, description in violations.items()
        ]
    )


def retry_info(seconds: float) -> RetryInfo:
    info = RetryInfo()
    info.retry_delay.FromMilliseconds(round(seconds * 1000))
    return info


@dataclass(frozen=True)
class Fail:
    """Ends the stream with an error."""

    code: grpc.StatusCode
    details: tuple[Message, ...] = ()


# A response is sent, an event waited for.
Step = SubscribeResponse | Fail | asyncio.Event

UNAVAILABLE = Fail(grpc.StatusCode.UNAVAILABLE)


def silence() -> asyncio.Event:
    """The step that never ends."""
    return asyncio.Event()


class ScriptedInbox(InboxServiceServicer):
    """Plays one script a stream; a stream whose script is over ends OK."""

    def __init__(self, *scripts: Sequence[Step], repeat: bool = False) -> None:
        self._scripts = list(scripts)
        self._repeat = repeat
        self._changed = asyncio.Condition()
        self.requests: list[SubscribeRequest] = []
        self.peers: list[str] = []
        self.unary_peers: list[str] = []
        self.open = 0

    async def Subscribe(  # noqa: N802  (the RPC's name)
        self,
        request: SubscribeRequest,
        context: grpc.aio.ServicerContext[SubscribeRequest, SubscribeResponse],
    ) -> AsyncIterator[SubscribeResponse]:
        self.requests.append(request)
        self.peers.append(context.peer())
        await self._count(1)
        try:
            if not self._scripts:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no script is left")
            for step in self._scripts[0] if self._repeat else self._scripts.pop(0):
                if isinstance(step, SubscribeResponse):
                    yield step
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    status = rich_status(step.code, "scripted", *step.details)
                    await context.abort_with_status(rpc_status.to_status(status))
        finally:
            # Shielded from the stream's end, which may be a cancellation.
            await asyncio.shield(self._count(-1))

    async def GetInbox(  # noqa: N802  (the RPC's name)
        self,
        request: GetInboxRequest,
        context: grpc.aio.ServicerContext[GetInboxRequest, GetInboxResponse],
    ) -> GetInboxResponse:
        self.unary_peers.append(context.peer())
        return GetInboxResponse(inbox=Inbox(user_id=request.user_id))

    async def ListNotifications(  # noqa: N802  (the RPC's name)
        self, request: object, context: object
    ) -> ListNotificationsResponse:
        raise NotImplementedError

    async def ListInboxChannels(  # noqa: N802  (the RPC's name)
        self, request: object, context: object
    ) -> ListInboxChannelsResponse:
        raise NotImplementedError

    async def UpdateNotifications(  # noqa: N802  (the RPC's name)
        self, request: object, context: object
    ) -> UpdateNotificationsResponse:
        raise NotImplementedError

    async def until_open(self, count: int) -> None:
        """Waits until `count` streams are open."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.open == count)

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open += change
            self._changed.notify_all()
