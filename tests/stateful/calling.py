"""Calls that change something: each is answered as the model says."""

from collections.abc import Sequence

import grpc
from tocsin.v1.channel_service_pb2 import DeleteChannelRequest
from tocsin.v1.inbox_pb2 import NotificationSelector
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsRequest, UpdateNotificationsResponse
from tocsin.v1.message_service_pb2 import SendMessageResponse

from tests.histories.recording import Counters
from tests.stateful.looking import Look, code_of
from tests.stateful.model import Inbox, Send, Wish, World
from tests.stateful.promises import Broken, counters_are_true, once
from tests.stateful.system import ANSWERS_SECONDS, System
from tests.support.asking import batch_request, create_request, send_request

Repeatable = tuple[UpdateNotificationsRequest, UpdateNotificationsResponse, int]
"""The request of a mark, its response, and when."""


class Calls:
    """Calls, tells the model, and looks at the inboxes that may have changed."""

    def __init__(self, system: System, world: World, look: Look, prefix: str) -> None:
        self.sends: list[Send] = []
        self.marks: list[Repeatable] = []
        self._system = system
        self._world = world
        self._look = look
        self._prefix = prefix

    def new(
        self, channel_id: str, recipients: Sequence[str], *, named: bool, content: str = ""
    ) -> Send:
        """A new send, with a request id or without."""
        number = len(self.sends)
        send = Send(
            f"{self._prefix}{number}" if named else "",
            channel_id,
            f"Message {number}",
            tuple(recipients),
            content,
        )
        self.sends.append(send)
        return send

    async def create(self, channel_id: str) -> None:
        """Creates a channel, or expects the error that says why not."""
        code = await code_of(self._system.channels.CreateChannel(create_request(channel_id)))
        if channel_id in self._world.channels:
            assert code is grpc.StatusCode.ALREADY_EXISTS
        elif channel_id in self._world.leaving:
            assert code is grpc.StatusCode.FAILED_PRECONDITION
        else:
            assert code is grpc.StatusCode.OK, code
            self._world.channels.add(channel_id)

    async def delete(self, channel_id: str, *, force: bool) -> None:
        """Deletes a channel, or expects the error that says why not."""
        request = DeleteChannelRequest(channel_id=channel_id, force=force)
        code = await code_of(self._system.channels.DeleteChannel(request))
        if channel_id not in self._world.channels:
            assert code is grpc.StatusCode.NOT_FOUND
        elif not force and not self._world.is_empty(channel_id):
            assert code is grpc.StatusCode.FAILED_PRECONDITION
        else:
            assert code is grpc.StatusCode.OK, code
            self._world.delete(channel_id)

    async def work(self) -> None:
        """Does one step of the deletion whose turn it is."""
        assert await self._system.work()
        self._world.work(self._system.clock.now())
        await self._look.at(self._world.inboxes)

    async def send(self, sends: Sequence[Send], *, in_batch: bool) -> None:
        """Sends one message, or a batch; each of them is answered on its own."""
        requests = [
            send_request(
                *send.recipients,
                channel_id=send.channel_id,
                title=send.title,
                content=send.content,
                request_id=send.request_id,
            )
            for send in sends
        ]
        answers: list[SendMessageResponse | int] = []
        if in_batch:
            call = self._system.messages.BatchSendMessages(batch_request(requests))
            results = (await self._system.within(call, "a batch")).results
            answers += [
                result.response if result.HasField("response") else result.error.code
                for result in results
            ]
        else:
            try:
                sent = await self._system.within(
                    self._system.messages.SendMessage(requests[0]), "a send"
                )
                answers.append(sent)
            except grpc.aio.AioRpcError as error:
                answers.append(error.code().value[0])
        answered = list(zip(sends, answers, strict=True))
        self._world.number_inboxes(
            [send for send, answer in answered if not isinstance(answer, int)]
        )
        for send, answer in answered:
            self._answered(send, answer)
        await self._look.at({user_id for send in sends for user_id in send.recipients})

    async def mark(
        self,
        inbox: Inbox,
        by: str | list[str],
        chosen: int | list[int],
        read: bool | None,
        seen: bool | None,
    ) -> None:
        """Marks what was chosen: of ids by their places in what is known, or else up to a revision."""
        selector = NotificationSelector()
        message_ids = channel_ids = None
        up_to = inbox.revision
        if isinstance(chosen, list):
            own = [self._look.ids[inbox.user_id, message_id] for message_id in inbox.now]
            # Those of others, and those that left, are ignored.
            others = [name for name in self._look.names if name not in own][-2:]
            names = [*own, *others, "nobody's"]
            named = {names[-1 - place % len(names)] for place in chosen}
            selector.ids.notification_ids.extend(sorted(named))
            message_ids = frozenset(self._look.names[name] for name in named.intersection(own))
        else:
            selector.up_to_revision = chosen
            up_to = min(chosen or up_to, up_to)
            if isinstance(by, list):
                channel_ids = frozenset(self._prefix + name for name in by)
                selector.channel_ids.channel_ids.extend(sorted(channel_ids))
            else:
                selector.all = True
        now = self._system.clock.now()
        request = UpdateNotificationsRequest(
            user_id=inbox.user_id,
            selector=selector,
            read=read,
            seen=seen,
            request_id=f"{self._prefix}{len(self.marks)}",
        )
        call = self._system.inboxes.UpdateNotifications(request)
        response = await self._system.within(call, "a mark")
        changed = inbox.mark(Wish(message_ids, channel_ids, up_to, read, seen, now))
        self.marks.append((request, response, now))
        await self._look.at(self._world.inboxes if message_ids is not None else [inbox.user_id])
        assert response.updated_count == changed
        assert response.inbox.revision == inbox.revision
        counters_are_true(inbox.now, Counters.of(response.inbox))

    async def repeat_mark(
        self, request: UpdateNotificationsRequest, first: UpdateNotificationsResponse, time: int
    ) -> None:
        """Asks for a mark again, as long as its answer is remembered."""
        if self._system.clock.now() - time > ANSWERS_SECONDS * 1_000_000:
            return
        again = await self._system.inboxes.UpdateNotifications(request)
        if again != first:
            raise Broken("once", f"{request.request_id} was answered {first}, and then {again}")
        await self._look.at([request.user_id])

    def _answered(self, send: Send, answer: SendMessageResponse | int) -> None:
        """Judges one send's answer, which is a response or the code of an error."""
        now = self._system.clock.now()
        decision = self._world.decide(send, now)
        if isinstance(answer, int):
            refused = {grpc.StatusCode.NOT_FOUND: decision.gone}
            refused[grpc.StatusCode.ALREADY_EXISTS] = decision.reused
            expected = {code.value[0] for code, must in refused.items() if must}
            assert answer in expected, (send, answer, expected)
            return
        message_id = answer.message.message_id
        if decision.reused:
            raise Broken("once", f"{send.request_id} was taken for another body")
        if send.request_id and decision.stored:
            self._look.made[send.request_id] = {message_id}
        elif decision.repeated:
            self._look.made[send.request_id].add(message_id)
        once(self._look.made, next(iter(self._world.inboxes.values())), ())
        assert decision.stored or decision.repeated
        assert answer.accepted_count == len(set(send.recipients))
        if decision.stored:
            self._world.store(send, message_id, now)
            self._look.recipients[message_id] = send.recipients
