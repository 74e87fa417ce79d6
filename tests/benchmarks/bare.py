"""A bare grpc.aio server: Tocsin's messages, no store. A number as cursor asks for so many."""

import asyncio
import sys
from collections.abc import AsyncIterator as Stream
from weakref import WeakValueDictionary

import grpc
from tocsin.v1 import inbox_service_pb2_grpc as inboxes
from tocsin.v1 import message_service_pb2_grpc as messages
from tocsin.v1.inbox_pb2 import Notification, NotificationChange
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse
from tocsin.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse

from tests.benchmarks.samples import sample_change

queues = WeakValueDictionary[str, asyncio.Queue[SubscribeResponse]]()


class Bare(messages.MessageServiceServicer, inboxes.InboxServiceServicer):
    async def SendMessage(self, request: SendMessageRequest, _: object) -> SendMessageResponse:  # noqa: N802
        for user_id in (user_ids := request.audience.user_ids):
            if (queue := queues.get(user_id)) is not None:
                copy = Notification(user_id=user_id, message=request.message)
                queue.put_nowait(SubscribeResponse(changes=[NotificationChange(upserted=copy)]))
        return SendMessageResponse(message=request.message, accepted_count=len(user_ids))

    async def Subscribe(self, request: SubscribeRequest, _: object) -> Stream[SubscribeResponse]:  # noqa: N802
        if request.cursor:
            response = SubscribeResponse(changes=[sample_change(request.user_id)])
            for response.revision in range(1, int(request.cursor) + 1):
                response.changes[0].upserted.notification_id = f"{response.revision:036}"
                yield response
        queue = queues[request.user_id] = asyncio.Queue()
        yield SubscribeResponse(caught_up=True)
        while True:
            yield await queue.get()


async def serve(listen: str) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    bare = Bare()  # type: ignore[abstract]  # What it leaves out answers UNIMPLEMENTED.
    messages.add_MessageServiceServicer_to_server(bare, server)
    inboxes.add_InboxServiceServicer_to_server(bare, server)
    port = server.add_insecure_port(listen)
    await server.start()
    print(f"bare ready grpc=127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


asyncio.run(serve(*sys.argv[1:]))
