"""What README.md shows is what there is."""

from __future__ import annotations

import re

from tests.support.inprocess import InProcess, run
from tests.support.real import REPOSITORY, copy_example

__all__ = ["run"]

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_listing_is_that_of_the_example(run: InProcess) -> None:
    run.home = copy_example("tradai-uv", run.home / "tradai-uv")
    listed = run("-l").out.splitlines()
    shown = re.findall(r"^[-*] \S+ .*->.*$", README, re.MULTILINE)
    assert len(shown) > 10
    assert [line for line in shown if line not in listed] == []
    assert shown == sorted(shown, key=listed.index)


def test_every_link_into_the_documentation_leads_somewhere() -> None:
    links = re.findall(r"\]\((docs/[^)#]+)(?:#([^)]+))?\)", README)
    assert len(links) > 10
    for file, anchor in links:
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, f"{file}#{anchor}"
