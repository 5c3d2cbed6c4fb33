"""Members that a locked third-party package needs: it may load any of their modules."""

from __future__ import annotations

from tradai_tasks.affected.rules.edge_rule import Links, WorkspaceFiles, WorkspaceRule, note

_TEST_FOLDERS = ("test/", "tests/")


class LockedPackage(WorkspaceRule):
    """Link the modules of a member to the members that reach it through a third party."""

    name = "locked"
    summary = "every module of a member that a third-party package needs, by the lock"

    def link_workspace(self, files: WorkspaceFiles) -> Links:
        """Return the edges; tests are no part of what is installed."""
        users: dict[str, dict[str, str]] = {}
        for member in files.index.members:
            for name, via in member.third_party_members.items():
                if name != member.name:
                    text = f"{via} (locked, needs {name})"
                    users.setdefault(name, {})[member.project_file] = text
        links: Links = {}
        for number, path in enumerate(files.index.paths) if users else ():
            owner = files.index.owners[number]
            member = files.index.members[owner]
            if owner >= 0 and not path.removeprefix(f"{member.home}/").startswith(_TEST_FOLDERS):
                for user, text in users.get(member.name, {}).items():
                    note(links, number, [user], text)
        return links

    def step(self, user: str, text: str, line: int) -> tuple[str, ...]:
        """Return the third party, and the member that needs it."""
        return (text, user)
