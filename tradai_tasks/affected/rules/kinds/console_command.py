"""Commands that a package installs: a file that starts processes and names one runs its code."""

from __future__ import annotations

import re

from tradai_tasks.affected.rules.edge_rule import (
    Links,
    WorkspaceFiles,
    WorkspaceRule,
    home_of,
    note,
)

# A file without any of these starts no process.
STARTERS = frozenset(
    {"subprocess", "Popen", "os.system", "os.popen", "os.exec", "os.spawn", "posix_spawn"}
    | {"pexpect", "script_runner", "which(", "check_output", "check_call"}
)
# The first word of a string, or the last part of a path in it: "cli", "cli run -v", f"{bin}/cli".
_COMMAND = re.compile(r"""["'/]([A-Za-z0-9][\w.-]*)(?=["' ])""", re.ASCII)


def commands_in(text: str) -> tuple[str, ...]:
    """Return the words that may name a command, in a file with one of `STARTERS`."""
    return tuple(dict.fromkeys(_COMMAND.findall(text)))


class ConsoleCommand(WorkspaceRule):
    """Link the modules that console commands run to the files that may start these commands."""

    name = "console-command"
    summary = "a command of `[project.scripts]`, named in a file that starts processes"
    words = STARTERS
    guessed = True

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return for the modules of commands the files that name these."""
        scripts: dict[str, set[int]] = {}
        for number, member in enumerate(files.index.members):
            for command, target in member.scripts:
                module = target.partition("[")[0].strip()
                nodes = files.nodes_of(module, home_of(member), number)
                scripts.setdefault(command, set()).update(nodes)
        links: Links = {}
        for number, one in files.facts if scripts else ():
            for command in scripts.keys() & one.commands:
                for node in scripts[command]:
                    note(links, node, [files.index.paths[number]], command)
        return links
