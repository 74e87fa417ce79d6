"""The methods that send and read messages."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from tocsin.v1.message_pb2 import ContentFormat, Message, Severity
from tocsin.v1.message_service_pb2 import (
    BatchSendResult,
    GetMessageRequest,
    ListMessagesRequest,
    SendMessageRequest,
    SendMessageResponse,
)

from tocsin_client import _requests
from tocsin_client._async_unary import AsyncCalls


class AsyncMessages:
    """The methods of MessageService."""

    _calls: AsyncCalls

    async def send(
        self,
        channel_id: str,
        title: str,
        *,
        to: str | Iterable[str],
        content: str = "",
        content_format: ContentFormat.ValueType = ContentFormat.CONTENT_FORMAT_UNSPECIFIED,
        url: str = "",
        mobile_url: str = "",
        data: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        severity: Severity.ValueType = Severity.SEVERITY_UNSPECIFIED,
        sender: str = "",
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> SendMessageResponse:
        """Sends a message; when it returns, every recipient's inbox durably has it.

        Args:
            channel_id: The channel to send in.
            title: The headline, 1 to 200 characters.
            to: The recipients' user ids, or one user id; at most 1,000.
            content: The text, at most 10,000 characters.
            content_format: How `content` is written; plain by default.
            url: Where a click leads: `http`, `https`, or a path that starts with one `/`.
            mobile_url: Where a tap in a mobile application leads; by default `url`.
            data: The application's own data, as JSON has it; at most 16 KiB encoded.
                Numbers travel as doubles: send an integer of more than 53 bits as a string. Read
                it with `data_to_dict`.
            labels: The application's own names and values, at most 32.
            severity: How much it matters; normal by default.
            sender: Who or what sends it, as people should read it.
            request_id: Makes a repeat of this call safe, for 24 hours. By default a new one,
                which covers the client's own repeats.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            InvalidArgument: A field breaks its rule.
            NotFound: The channel does not exist.
            AlreadyExists: `request_id` was used for another request.
            ValueError: `data` holds a value that JSON cannot express, an integer that a double
                cannot hold exactly, NaN or an infinity, or is nested too deep.
        """
        request = _requests.make_send_request(
            channel_id,
            title,
            to=to,
            content=content,
            content_format=content_format,
            url=url,
            mobile_url=mobile_url,
            data=data,
            labels=labels,
            severity=severity,
            sender=sender,
            request_id=request_id,
        )
        return await self._calls(self._calls.messages.SendMessage, request, timeout)

    async def send_batch(
        self, requests: Iterable[SendMessageRequest], *, timeout: float | None = None
    ) -> list[BatchSendResult]:
        """Sends up to 500 messages to at most 5,000 recipients in all.

        Each succeeds or fails alone. The results are in the order of the requests; each holds a
        `response` or an `error`.

        Args:
            requests: The results of `make_send_request`. One without a request id gets one, in a
                copy.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            InvalidArgument: There is no request, or there are more than the limits allow; nothing
                was sent.
        """
        request = _requests.batch_request(requests)
        response = await self._calls(self._calls.messages.BatchSendMessages, request, timeout)
        return list(response.results)

    async def get_message(self, message_id: str, *, timeout: float | None = None) -> Message:
        """Reads one message.

        Args:
            message_id: Which message.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            NotFound: It does not exist.
        """
        _requests.check_strings(message_id=message_id)
        request = GetMessageRequest(message_id=message_id)
        response = await self._calls(self._calls.messages.GetMessage, request, timeout)
        return response.message

    async def list_messages(
        self, channel_id: str, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncIterator[Message]:
        """A channel's messages, latest first.

        Args:
            channel_id: Which channel's.
            page_size: How many a call reads; 0 is 50.
            timeout: How many seconds each call may take; by default the client's.
        """
        _requests.check_strings(channel_id=channel_id)
        request = ListMessagesRequest(channel_id=channel_id, page_size=page_size)
        async for page in self._calls.pages(self._calls.messages.ListMessages, request, timeout):
            for message in page.messages:
                yield message
