"""Run the repository's own Pulumi script on stacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tradai_tasks.errors import BadArgumentsError, InfraError, StackLockedError, TasksError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.infra.preview_counts import Changes, changes_of, failure, is_locked
from tradai_tasks.process import find_tool, run
from tradai_tasks.settings.infra import InfraSettings
from tradai_tasks.text import similar

Command = Literal["preview", "up"]


def choose(requested: Sequence[str], known: Sequence[str], command: Command) -> tuple[str, ...]:
    """Return the stacks to work on: for a preview, all if none is named.

    Raises:
        BadArgumentsError: There is no such stack, or `up` does not name exactly one.
        InfraError: There is no stack at all.
    """
    if not known:
        raise InfraError("infra: no stack is here (infra/Pulumi.<stack>.yaml, or a layer below)")
    for name in requested:
        if name not in known:
            hint = similar(name, known) or f"there are {', '.join(known)}"
            raise BadArgumentsError(f"infra: no stack is called {name!r}; {hint}")
    if command == "up" and len(set(requested)) != 1:
        raise BadArgumentsError(
            f"infra: up needs one stack by name, such as: nox -s infra -- up {known[0]} --yes"
        )
    return tuple(dict.fromkeys(requested)) or tuple(known)


def layers_of(tree: Tree) -> list[str]:
    """Return the folders of Pulumi projects: `infra` itself, then those in it."""
    folders = ("infra", *(join("infra", name) for name in tree.folders("infra")))
    return [folder for folder in folders if tree.is_file(join(folder, "Pulumi.yaml"))]


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """The script that runs Pulumi on all layers of a stack."""

    root: Path
    settings: InfraSettings
    env: Mapping[str, str]

    def check(self) -> None:
        """Check that the script is there and executable, and Pulumi installed.

        Raises:
            InfraError: The script does not exist, or is not executable.
            ToolMissingError: `pulumi` is not installed.
        """
        script = self.root / self.settings.script
        if not script.is_file():
            raise InfraError(
                f"{self.settings.script}: no such file; write it (SCRIPT preview|up STACK --json), "
                f"or name it in the setting infra.script"
            )
        if not os.access(script, os.X_OK):
            raise InfraError(
                f"{self.settings.script}: is not executable; fix with: chmod +x "
                f"{self.settings.script}"
            )
        find_tool("pulumi", env=self.env)

    def argv(self, command: Command, stack: str) -> list[str]:
        """Return the command line for a stack."""
        return [str(self.root / self.settings.script), command, stack, "--json"]

    def run(self, command: Command, stack: str) -> Changes:
        """Run the script on a stack, and return the changes.

        Raises:
            StackLockedError: Another run has locked the stack's state.
            InfraError: Pulumi failed, or its output cannot be interpreted.
            CommandFailedError: It took too long.
        """
        env = {**self.env, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        done = run(
            self.argv(command, stack),
            cwd=self.root,
            env=env,
            check=False,
            timeout=self.settings.timeout,
        )
        if done.returncode == 0:
            return changes_of(stack, done.text)
        said = failure(done.text, done.error_text)
        if is_locked(f"{done.text}\n{done.error_text}"):
            raise StackLockedError(
                f"{stack}: its state is locked by another run ({said}); wait for that one; if none "
                f"runs: pulumi cancel --stack {stack} --cwd <layer>, then run it again"
            )
        after = " what is done is done: run it again to finish" if command == "up" else ""
        raise InfraError(
            f"{stack}: pulumi {command} failed (exit status {done.returncode}): {said}"
            f"{';' if after else ''}{after}"
        )


def run_stacks(
    pulumi: Pulumi, command: Command, stacks: Sequence[str], say: Callable[[str], None]
) -> list[Changes]:
    """Run a command on stacks, and return the changes of each.

    They run in parallel once one has passed: Pulumi sets up its program's folder when it first runs
    there (`.venv`, plugins), and two at once would break each other's work. `say` is called with
    each line of progress, from any thread.

    Raises:
        TasksError: A stack failed; with several, an InfraError with a line each.
    """

    def one(stack: str) -> Changes | TasksError:
        say(f"{command} {stack}")
        try:
            found = pulumi.run(command, stack)
        except TasksError as error:
            say(f"{command} {stack}: failed")
            return error
        say(f"{command} {stack}: {found.total} changes in {found.layers} layers")
        return found

    results: list[Changes | TasksError] = []
    for stack in stacks:
        results.append(one(stack))
        if isinstance(results[-1], Changes):
            break
    with ThreadPoolExecutor(pulumi.settings.parallel) as pool:
        results += pool.map(one, stacks[len(results) :])
    faults = [result for result in results if isinstance(result, TasksError)]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise InfraError(*faults)
    return [result for result in results if isinstance(result, Changes)]
