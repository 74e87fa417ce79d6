"""The program: its commands, and how their errors are printed."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import tocsin_client
from tocsin_client.cli.commands import channels, inbox, messages, send, watch
from tocsin_client.cli.error_text import sentence
from tocsin_client.cli.options import DEFAULT_TARGET, DEFAULT_TIMEOUT, timeout_or_the_programs
from tocsin_client.cli.sanitizing import plain

_COMPLETION = {"--install-completion", "--show-completion"}

program = typer.Typer(
    # Plain help keeps examples as they are typed, and is printed in half the time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
program.add_typer(channels.commands, name="channels")
program.add_typer(messages.commands, name="messages")
program.command()(send.send)
program.command()(inbox.inbox)
program.command()(watch.watch)


def _print_version(is_set: bool) -> None:  # noqa: FBT001  (typer's form)
    if is_set:
        from importlib.metadata import version  # noqa: PLC0415  # takes a tenth of the start

        typer.echo(f"tocsin, version {version('tocsin')}")
        raise typer.Exit


@program.callback(invoke_without_command=True)
def _program(
    context: typer.Context,
    *,
    target: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            envvar="TOCSIN_TARGET",
            help="The server: [tls://]HOST:PORT, [IPV6]:PORT or unix:PATH.",
        ),
    ] = DEFAULT_TARGET,
    timeout: Annotated[  # commands read it of the context
        float,
        typer.Option(
            metavar="SECONDS",
            envvar="TOCSIN_TIMEOUT",
            help="How long a call may take, repeats included.",
            callback=timeout_or_the_programs,
        ),
    ] = DEFAULT_TIMEOUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
    in_utc: Annotated[
        bool, typer.Option("--utc", help="Show times in UTC, not in the local time zone.")
    ] = False,
    version_only: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Sends messages, and shows and follows inboxes, on a Tocsin server.

    \b
    A first message, and the inbox that it arrives in:
      tocsin channels create marketing-clue --title "Marketing clues"
      tocsin send marketing-clue "A new lead" --to alice --url /leads/42
      tocsin inbox alice
      tocsin watch alice

    \b
    A server elsewhere:
      export TOCSIN_TARGET=inbox.example.com:50051

    \b
    Completion for bash; zsh and fish have it, too. The first command adds a line
    to ~/.bashrc, the second prints the script and changes nothing:
      tocsin --install-completion bash
      tocsin --show-completion bash

    Exit codes: 0 for success; 1 for an error of the server or the network; 2 for wrong usage; 130 for
    Ctrl-C.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def _require_text(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise typer.BadParameter(f"{argument!r} is not UTF-8.") from None


def run(arguments: Sequence[str]) -> int:
    """Runs the program, prints an error as one line on stderr, and returns the exit code."""
    if len(arguments) == 2 and arguments[0] in _COMPLETION:
        # They take the name of a shell only if Typer does not detect it.
        os.environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    try:
        _require_text(arguments)
        code = program(list(arguments), prog_name="tocsin", standalone_mode=False)
    except typer.TyperException as mistake:
        # Pydantic, which checks the values for Typer, adds the prefix.
        problem, code = mistake.format_message().replace("Value error, ", ""), mistake.exit_code
        if context := getattr(mistake, "ctx", None):
            problem = f"{sentence(problem)} Try '{context.command_path} --help'."
    except tocsin_client.TocsinError as failure:
        problem, code = str(failure), 1
    except OSError as failure:
        # Writing a file of the shell's completion failed, or writing help to stdout.
        problem, code = f"{failure.filename or 'cannot write to stdout'}: {failure.strerror}", 1
    except typer.Abort:
        return 130
    else:
        return code or 0
    print(f"tocsin: {plain(problem)}", file=sys.stderr)  # noqa: T201  # a program speaks
    return code
