"""Signals of the programs that tests start."""

import signal

# SIGHUP is not among them: a caller that ignores it, as nohup does, wants programs to ignore it too.
_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def default_in_programs() -> None:
    """Gives programs that this process starts the default actions of the signals that end them.

    A program ignores the signals that its parent ignores: under `nohup make test &`, or a job runner,
    nothing would end at Ctrl-C. Where the parent has a handler instead, the program has the default.
    So this process ignores by a handler what it ignored before. (A change in the child, between fork
    and exec, would run Python in a fork of a process that has gRPC's threads.)
    """
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _ignore)


def _ignore(*_: object) -> None:
    pass
