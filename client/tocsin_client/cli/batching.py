"""Sends what stdin brings, a message a line, in as few calls as that takes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import typer
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc.code_pb2 import Code
from tocsin.v1.error_reason_pb2 import ErrorReason
from tocsin.v1.item_error_pb2 import ItemError
from tocsin.v1.message_service_pb2 import BatchSendResult, SendMessageRequest

from tocsin_client import AsyncClient, CallError, InvalidArgument, ResourceExhausted
from tocsin_client.cli import rendering, stdin
from tocsin_client.cli.output import Output

# The limits of a batch.
_ITEMS = 500
_RECIPIENTS = 5_000
_BYTES = 4 << 20
# The request id that the client adds, and what a batch needs to hold an item.
_ITEM_BYTES = 64
# Protobuf reads no message of more than 100 levels; a level of JSON is up to three of them.
_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Item:
    """A line: the request that it holds, or why it holds none."""

    number: int
    request: SendMessageRequest | None
    problem: str = ""


async def send_lines(client: AsyncClient, output: Output, target: str) -> bool:
    """Sends each line of stdin, in order; whatever is there is sent, nothing is waited for.

    Returns:
        Whether every one was sent; what was not is told.

    Raises:
        typer.TyperException: The server does not answer, or answers none of this caller.
        typer.BadParameter: stdin cannot be read.
    """
    # What is sent does not depend on who reads what came of it.
    output.outlive_the_reader()
    all_sent = True
    async for lines in stdin.lines():
        for batch in batches(
            read(line) for line in lines if line.text is None or line.text.strip()
        ):
            try:
                results = await _send(client, batch)
            except CallError as failure:
                raise typer.TyperException(
                    f"from line {batch[0].number} on: {target}: {failure}"
                ) from None
            all_sent = all_sent and not any(result.HasField("error") for result in results)
            _tell(output, batch, results)
    return all_sent


def _tell(output: Output, batch: Sequence[Item], results: Sequence[BatchSendResult]) -> None:
    for item, result in zip(batch, results, strict=True):
        if result.HasField("error"):
            output.note(f"line {item.number}: {_told(result.error)}")
        if output.as_json:
            output.messages([result])
        elif result.HasField("response"):
            output.lines([rendering.sent(result.response)])


def read(line: stdin.Line) -> Item:
    """What a line holds."""
    if line.text is None:
        return Item(line.number, None, f"it is longer than {stdin.LINE_BYTES >> 20} MiB")
    try:
        text = line.text.decode()
        if not text.lstrip().startswith("{"):
            return Item(line.number, None, "it is no JSON object")
        request = json_format.Parse(text, SendMessageRequest(), max_recursion_depth=_DEPTH)
        # As it would be copied: versions of Protobuf count levels of JSON differently.
        SendMessageRequest.FromString(request.SerializeToString())
    except UnicodeDecodeError:
        return Item(line.number, None, "it is not UTF-8")
    except DecodeError:
        return Item(line.number, None, "it is nested too deep")
    except (json_format.Error, ValueError, RecursionError) as problem:
        # Protobuf ends a message within a message with two full stops.
        what = str(problem).rstrip(".")
        return Item(line.number, None, f"it is no SendMessageRequest: {what}")
    return Item(line.number, request)


def batches(items: Iterable[Item]) -> Iterator[Sequence[Item]]:
    """The items in as few batches as the limits allow; one that is beyond them alone is alone."""
    batch: list[Item] = []
    recipients = size = 0
    for item in items:
        its_recipients, its_size = _weight(item)
        if batch and (
            len(batch) == _ITEMS
            or recipients + its_recipients > _RECIPIENTS
            or size + its_size > _BYTES
        ):
            yield batch
            batch, recipients, size = [], 0, 0
        batch.append(item)
        recipients += its_recipients
        size += its_size
    if batch:
        yield batch


def _weight(item: Item) -> tuple[int, int]:
    if item.request is None:
        return 0, 0
    return len(item.request.audience.user_ids), item.request.ByteSize() + _ITEM_BYTES


async def _send(client: AsyncClient, batch: Sequence[Item]) -> Sequence[BatchSendResult]:
    """What became of each item of a batch."""
    requests = [item.request for item in batch if item.request is not None]
    try:
        sent = iter(await client.send_batch(requests) if requests else ())
    except (InvalidArgument, ResourceExhausted) as refusal:
        if len(requests) > 1:
            raise
        # It is beyond the limits of a batch, all by itself.
        sent = iter([BatchSendResult(error=_error(refusal))])
    return [
        BatchSendResult(error=_unread(item.problem)) if item.request is None else next(sent)
        for item in batch
    ]


def _error(refusal: CallError) -> ItemError:
    return ItemError(
        code=Code.Value(refusal.code),
        reason=dict(ErrorReason.items()).get(
            f"ERROR_REASON_{refusal.reason}", ErrorReason.ERROR_REASON_UNSPECIFIED
        ),
        message=refusal.message,
        metadata=refusal.metadata,
    )


def _unread(problem: str) -> ItemError:
    return ItemError(
        code=Code.INVALID_ARGUMENT,
        reason=ErrorReason.ERROR_REASON_REQUEST_MALFORMED,
        message=problem,
    )


def _told(error: ItemError) -> str:
    """An error as `CallError` tells it."""
    if error.reason in ErrorReason.values():
        reason = ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
    else:
        reason = str(error.reason)
    return f"{error.message} [{reason}]"
