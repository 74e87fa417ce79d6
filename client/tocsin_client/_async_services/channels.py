"""The methods that make, read, change and delete channels."""

from collections.abc import AsyncIterator, Mapping

from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import GetChannelRequest, ListChannelsRequest

from tocsin_client import _requests
from tocsin_client._async_unary import AsyncCalls


class AsyncChannels:
    """The methods of ChannelService."""

    _calls: AsyncCalls

    async def create_channel(
        self,
        channel_id: str,
        *,
        title: str,
        description: str = "",
        labels: Mapping[str, str] | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> Channel:
        """Creates a channel, and returns it as the server stored it.

        Args:
            channel_id: Its id, `[a-z0-9][a-z0-9_-]{0,62}`.
            title: What people call it, 1 to 200 characters.
            description: What it is for, at most 2,000 characters.
            labels: The application's own names and values, at most 32.
            request_id: Makes a repeat of this call safe. By default a new one.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            InvalidArgument: A field breaks its rule.
            AlreadyExists: The id is taken, or `request_id` was used for another request.
            FailedPrecondition: A channel of this id is still being deleted.
        """
        request = _requests.create_channel_request(
            channel_id,
            title=title,
            description=description,
            labels=labels,
            request_id=request_id,
        )
        response = await self._calls(self._calls.channels.CreateChannel, request, timeout)
        return response.channel

    async def get_channel(self, channel_id: str, *, timeout: float | None = None) -> Channel:
        """Reads one channel.

        Args:
            channel_id: Which channel.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            NotFound: It does not exist.
        """
        _requests.check_strings(channel_id=channel_id)
        request = GetChannelRequest(channel_id=channel_id)
        response = await self._calls(self._calls.channels.GetChannel, request, timeout)
        return response.channel

    async def list_channels(
        self, *, page_size: int = 0, timeout: float | None = None
    ) -> AsyncIterator[Channel]:
        """Every channel, by id.

        Args:
            page_size: How many a call reads; 0 is 50.
            timeout: How many seconds each call may take; by default the client's.
        """
        request = ListChannelsRequest(page_size=page_size)
        async for page in self._calls.pages(self._calls.channels.ListChannels, request, timeout):
            for channel in page.channels:
                yield channel

    async def update_channel(
        self,
        channel_id: str,
        *,
        title: str | None = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
        etag: str | None = None,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> Channel:
        """Changes fields of a channel, and returns the channel.

        Args:
            channel_id: Which channel.
            title: What people call it, 1 to 200 characters.
            description: What it is for, at most 2,000 characters; may be empty.
            labels: All of the application's own names and values, at most 32; may be empty.
            etag: Change it only while it has this etag, which it had when it was read.
            request_id: Makes a repeat of this call safe. By default a new one.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            InvalidArgument: A field breaks its rule.
            NotFound: It does not exist.
            Aborted: It was changed since then, and has another etag.
            AlreadyExists: `request_id` was used for another request.
            ValueError: No field to change is passed.
        """
        request = _requests.update_channel_request(
            channel_id,
            title=title,
            description=description,
            labels=labels,
            etag=etag,
            request_id=request_id,
        )
        response = await self._calls(self._calls.channels.UpdateChannel, request, timeout)
        return response.channel

    async def delete_channel(
        self,
        channel_id: str,
        *,
        force: bool = False,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Deletes a channel; its messages leave every inbox soon after, live.

        Its id can be used again once that is done: `create_channel` waits for it.

        Args:
            channel_id: Which channel.
            force: Delete it even if it has messages, with them and their notifications.
            request_id: Makes a repeat of this call safe. By default a new one.
            timeout: How many seconds the call may take; by default the client's.

        Raises:
            NotFound: It does not exist.
            FailedPrecondition: It has messages, and `force` is not set.
            AlreadyExists: `request_id` was used for another request.
        """
        request = _requests.delete_channel_request(channel_id, force=force, request_id=request_id)
        await self._calls(self._calls.channels.DeleteChannel, request, timeout)
