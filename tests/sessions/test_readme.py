"""What README.md shows is what there is."""

from __future__ import annotations

import re
import tomllib

from tests.support.inprocess import InProcess
from tests.support.project import DictTree, checkout_of, found, pyproject
from tests.support.real import REPOSITORY, copy_example
from tradai_tasks.extras import NAME
from tradai_tasks.sessions.core.registry.catalog import AGGREGATES, CATALOG
from tradai_tasks.settings.model import Settings
from tradai_tasks.workflows.adoption.scaffold import pieces

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_listing_is_that_of_the_example(run: InProcess) -> None:
    run.home = copy_example("tradai-uv", run.home / "tradai-uv")
    listed = run("-l").out.splitlines()
    shown = re.findall(r"^[-*] \S+ .*->.*$", README, re.MULTILINE)
    assert len(shown) > 10
    assert [line for line in shown if line not in listed] == []
    assert shown == sorted(shown, key=listed.index)


def test_every_session_has_a_row() -> None:
    table = README.partition("\n## Sessions\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    shown = {name.partition("(")[0] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert shown == {*AGGREGATES, *(entry.name for entry in CATALOG)}


def test_every_link_leads_to_a_file_of_the_repository_or_to_the_web() -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    assert len(links) > 20
    # a package index shows the README without the files beside it
    assert [link for link in links if not link.startswith("https://")] == []
    own = re.compile(re.escape(_repository()) + r"/(?:blob|tree)/main/([^#]+)(?:#(.+))?")
    found = [match.groups() for match in map(own.fullmatch, links) if match]
    assert len(found) > 20
    for path, anchor in found:
        assert (REPOSITORY / path).exists(), path
        if anchor:
            text = (REPOSITORY / path).read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in anchors, f"{path}#{anchor}"


def _repository() -> str:
    """The address of the repository, as the package states it."""
    document = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    urls: dict[str, str] = document["project"]["urls"]
    assert set(urls) == {"Repository", "Documentation", "Changelog"}
    assert all(url.startswith(urls["Repository"]) for url in urls.values())
    return urls["Repository"]


def test_the_noxfile_is_the_one_that_init_writes() -> None:
    (shown,) = re.findall(
        r"^```python\n# noxfile.py[^\n]*\n(.*?)```$", README, re.MULTILINE | re.DOTALL
    )
    group = '[dependency-groups]\ndev = ["tradai-tasks"]\n'
    tree = DictTree({"pyproject.toml": pyproject("a", group)})
    (noxfile, *_) = pieces(
        tree,
        found(tree),
        Settings(),
        sessions=(),
        locks=(),
        checkout=checkout_of(tree),
        versions={"nox": "1", NAME: "1"},
    )
    assert noxfile.new.partition('"""\n\n')[2] == shown
