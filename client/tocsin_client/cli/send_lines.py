"""Sends messages from stdin, one a line, in as few calls as possible."""

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
from tocsin_client.cli import json_numbers, rendering, stdin
from tocsin_client.cli.error_text import clause
from tocsin_client.cli.output import Output

# The limits of a batch.
_ITEMS = 500
_RECIPIENTS = 5_000
_BYTES = 4 << 20
# Bytes of a batch for each item beside the item: the request id that the client adds, and a header.
_ITEM_BYTES = 64
# Protobuf parses 100 levels of messages; a level of JSON is up to three of them.
_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Item:
    """A line of stdin: its request, or what is wrong with it."""

    number: int
    request: SendMessageRequest | None
    problem: str = ""


async def send_lines(client: AsyncClient, output: Output, target: str) -> bool:
    """Sends each line of stdin, in order, as soon as it is there.

    Reports the lines that are not sent on stderr.

    Returns:
        Whether every line was sent.

    Raises:
        typer.TyperException: The server does not answer, or refuses the whole call.
        typer.BadParameter: stdin cannot be read.
    """
    # All lines are sent, also if nobody reads the results.
    output.outlive_the_reader()
    all_sent = True
    async for lines in stdin.lines():
        for batch in batches(
            parse_line(line) for line in lines if line.text is None or line.text.strip()
        ):
            try:
                results = await _send(client, batch)
            except CallError as failure:
                raise typer.TyperException(
                    f"from line {batch[0].number} on: {target}: {failure}"
                ) from None
            all_sent = all_sent and not any(result.HasField("error") for result in results)
            _report(output, batch, results)
    return all_sent


def _report(output: Output, batch: Sequence[Item], results: Sequence[BatchSendResult]) -> None:
    for item, result in zip(batch, results, strict=True):
        if result.HasField("error"):
            output.note(f"line {item.number}: {_described(result.error)}")
        if output.as_json:
            output.messages([result])
        elif result.HasField("response"):
            output.lines([rendering.sent(result.response)])


def parse_line(line: stdin.Line) -> Item:
    """Parses the request of a line."""
    if line.text is None:
        return Item(line.number, None, f"it is longer than {stdin.LINE_BYTES >> 20} MiB")
    try:
        text = line.text.decode()
        if not text.lstrip().startswith("{"):
            return Item(line.number, None, "it is not a JSON object")
        content = json_numbers.parse(text)
        request = json_format.ParseDict(content, SendMessageRequest(), max_recursion_depth=_DEPTH)
        json_numbers.check((content.get("message") or {}).get("data"), "message.data")
        # Parsed as the batch will be: versions of Protobuf count levels of JSON differently.
        SendMessageRequest.FromString(request.SerializeToString())
    except UnicodeDecodeError:
        return Item(line.number, None, "it is not UTF-8")
    except DecodeError:
        return Item(line.number, None, "it is nested too deep")
    except (json_format.Error, ValueError, RecursionError) as problem:
        return Item(line.number, None, f"it is not a SendMessageRequest: {clause(problem)}")
    return Item(line.number, request)


def batches(items: Iterable[Item]) -> Iterator[Sequence[Item]]:
    """Yields the items in as few batches as the limits allow.

    An item that is beyond the limits by itself is a batch of its own.
    """
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
    """Sends a batch, and returns the result of each item."""
    requests = [item.request for item in batch if item.request is not None]
    try:
        sent = iter(await client.send_batch(requests) if requests else ())
    except (InvalidArgument, ResourceExhausted) as refusal:
        if len(requests) > 1:
            raise
        # The item is beyond the limits of a batch by itself.
        sent = iter([BatchSendResult(error=_error(refusal))])
    return [
        BatchSendResult(error=_unparsed(item.problem)) if item.request is None else next(sent)
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


def _unparsed(problem: str) -> ItemError:
    return ItemError(
        code=Code.INVALID_ARGUMENT,
        reason=ErrorReason.ERROR_REASON_REQUEST_MALFORMED,
        message=problem,
    )


def _described(error: ItemError) -> str:
    """Returns an error in the form of `str(CallError)`."""
    if error.reason in ErrorReason.values():
        reason = ErrorReason.Name(error.reason).removeprefix("ERROR_REASON_")
    else:
        reason = str(error.reason)
    return f"{error.message} [{reason}]"
