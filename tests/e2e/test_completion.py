"""Completion in shells, and its installation."""

from pathlib import Path

import pytest

from tests.e2e.command_line import one_line, run, shell

SHELLS = {"bash": "complete -o default -F", "zsh": "#compdef tocsin", "fish": "complete --command"}


async def test_a_shell_can_complete_commands_and_values() -> None:
    async def completed(words: str, at: int) -> list[str]:
        ended = await run(_TOCSIN_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(at))
        return ended.output.split()

    assert await completed("tocsin cha", 1) == ["channels"]
    assert "--request-id" in await completed("tocsin send --", 2)
    assert await completed("tocsin send news Hello --severity cr", 5) == ["critical"]


@pytest.mark.parametrize("name", SHELLS)
async def test_the_script_of_a_shell_is_shown(name: str) -> None:
    shown = await run("--show-completion", name)

    assert (shown.code, shown.errors) == (0, "")
    assert SHELLS[name] in shown.output
    assert f"_TOCSIN_COMPLETE=complete_{name}" in shown.output


@pytest.mark.parametrize("name", SHELLS)
async def test_the_script_of_a_shell_is_installed(tmp_path: Path, name: str) -> None:
    installed = await run("--install-completion", name, HOME=str(tmp_path))

    assert (installed.code, installed.errors) == (0, "")
    assert SHELLS[name] in "".join(_files(tmp_path))


async def test_a_home_that_cannot_be_written_is_reported() -> None:
    line = one_line(await run("--install-completion", "bash", HOME="/proc/nowhere"), 1)

    assert "/proc/nowhere" in line
    assert "stdout" not in line


async def test_bash_learns_it_from_one_line_of_its_own_file(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("# mine\n")

    await run("--install-completion", "bash", HOME=str(tmp_path))

    first, *rest = (tmp_path / ".bashrc").read_text().split("\n")
    assert first == "# mine"
    assert [line for line in rest if line] == [f"source '{tmp_path}/.bash_completions/tocsin.sh'"]


def _files(home: Path) -> list[str]:
    """Returns the texts of all files below the home."""
    return [path.read_text() for path in home.rglob("*") if path.is_file()]


async def test_the_shell_that_runs_it_is_found() -> None:
    shown = await shell("tocsin --show-completion")

    assert shown.code == 0
    assert SHELLS["bash"] in shown.output


async def test_a_shell_that_is_none_is_wrong_usage() -> None:
    assert "'fish'" in one_line(await run("--show-completion", "tcsh"), 2)


async def test_bash_completes_by_its_script() -> None:
    completed = await shell(
        'eval "$(tocsin --show-completion bash)"; COMP_WORDS=(tocsin channels de) COMP_CWORD=2;'
        ' _tocsin_completion tocsin; echo "${COMPREPLY[@]}"'
    )

    assert completed.output == "delete\n"
