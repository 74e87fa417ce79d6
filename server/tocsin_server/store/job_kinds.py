"""The kinds of jobs that this program knows, each with the function that runs a step."""

from collections.abc import Mapping

from tocsin_server.store.channel_deletion import DELETE_CHANNEL, remove_some
from tocsin_server.store.jobs import RunStep

KINDS: Mapping[str, RunStep] = {DELETE_CHANNEL: remove_some}
