"""Campaigns: channels that are created, sent to, and deleted with all that they have."""

import asyncio
from collections.abc import Callable
from itertools import count

import grpc
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest, DeleteChannelRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub

from tests.e2e.calling import CALL_SECONDS, until_known
from tests.e2e.milestones import Milestones
from tests.histories.recording import Recorder

SENDS = 60
"""After how many sends, to any channels, a campaign is deleted."""


class Campaigns:
    """Has one channel after the other: the one before is deleted when the next is there."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        recorder: Recorder,
        milestones: Milestones,
        seconds: float,
    ) -> None:
        self.current = ""
        """The channel to send to; it may be gone by then."""
        self.enough = False
        """Set, the last one is deleted, too."""
        self._channels = ChannelServiceStub(channel)
        self._recorder = recorder
        self._milestones = milestones
        self._seconds = seconds

    async def run(self) -> None:
        """Creates and deletes; at the end, all that the channels had is gone."""
        for number in count():
            channel_id = f"campaign-{number}"
            await self._create(channel_id)
            self.current = channel_id
            sent = self._recorder.acknowledged + SENDS
            await self._milestones.reach(self._reached(sent), self._seconds)
            await self._delete(channel_id)
            if self.enough:
                break
        for channel_id in self._recorder.history.deleted:
            await self._until_gone(channel_id)

    def _reached(self, sent: int) -> Callable[[], bool]:
        return lambda: self.enough or self._recorder.acknowledged >= sent

    async def _create(self, channel_id: str) -> None:
        request = CreateChannelRequest(
            channel=Channel(channel_id=channel_id, title=channel_id), request_id=channel_id
        )
        await until_known(
            lambda: self._channels.CreateChannel(request, wait_for_ready=True, timeout=CALL_SECONDS)
        )

    async def _delete(self, channel_id: str) -> None:
        request = DeleteChannelRequest(channel_id=channel_id, force=True, request_id=channel_id)
        self._recorder.deleting(channel_id)
        await until_known(
            lambda: self._channels.DeleteChannel(request, wait_for_ready=True, timeout=CALL_SECONDS)
        )
        self._recorder.deleted(channel_id)

    async def _until_gone(self, channel_id: str) -> None:
        """Returns when the id is free again: what the channel had has left every inbox by then."""
        request = CreateChannelRequest(channel=Channel(channel_id=channel_id, title=channel_id))
        async with asyncio.timeout(self._seconds):
            while True:
                try:
                    await self._channels.CreateChannel(request, timeout=CALL_SECONDS)
                    return
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                        raise
                await asyncio.sleep(0.05)  # nobody says when
