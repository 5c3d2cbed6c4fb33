"""The page of a change, as a browser shows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import OpenPage
from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.affected.selection.change_page import change_page
from tradai_tasks.affected.selection.selection import Item, Selection

SPAN = CommitRange(base="a" * 40, head="b" * 40, why="merge base of HEAD and main")
HOSTILE = '</script><script>window.bad = 1</script><img src=x onerror="window.bad = 2">'
CHAIN = ("libs/base/src/base/money.py", "libs/app/src/app/main.py:3 (import)")


def selection(*packages: Item, services: tuple[Item, ...] = (), **more: Any) -> Selection:
    given: dict[str, Any] = {
        "everything": (),
        "docs": (),
        "sessions": {},
        "changed": (CHAIN[0],),
        **more,
    }
    return Selection(
        packages=packages, services=services, lambdas=(), strategies=(), stacks=(), **given | more
    )


def page_of(
    tmp_path: Path, found: Selection, edges: list[tuple[str, str]], sessions: dict[str, list[str]]
) -> Path:
    jobs = [{"name": name, "sessions": ",".join(held)} for name, held in sessions.items()]
    page = tmp_path / "changes.html"
    page.write_text(change_page(SPAN, found, edges, jobs, sessions), encoding="utf-8")
    return page


@pytest.fixture
def small(tmp_path: Path) -> Path:
    base = Item(name="base", path="libs/base", reasons=(CHAIN[0],), chain=CHAIN[:1])
    app = Item(name="app", path="libs/app", reasons=(" <- ".join(CHAIN),), chain=CHAIN)
    bad = Item(name=HOSTILE, path="libs/bad", reasons=(f"{HOSTILE}\udc80",))
    found = selection(base, app, Item(name="alone", path="libs/alone"), bad, changed=(HOSTILE,))
    runs = {name: [f"test({name})"] for name in ("base", "app")}
    return page_of(tmp_path, found, [("app", "base")], runs)


def test_the_page_is_drawn_searched_folded_and_harmless(small: Path, tmp_path: Path) -> None:
    with OpenPage(small, tmp_path / "profile") as page:
        assert page.value("window.bad === undefined && document.images.length === 0")
        assert page.value("document.scripts.length") == 2
        assert page.text("h1") == "3 of 4 packages affected"
        names = "[...document.querySelectorAll('#graph g title')].map((one) => one.textContent)"
        assert {"libs", "base", "app", "alone", HOSTILE} == set(page.value(names))
        # the keyboard alone: search, the first hit, its chain, and back
        page.press("/")
        page.write("main.py")
        assert page.text("#found") == "1 found"
        assert set(page.value(names)) == {"app", CHAIN[1]}
        page.press("Enter")
        assert "\n".join(CHAIN) in page.text("#panel ol")
        assert page.value("document.querySelectorAll('tbody tr:not([hidden])').length") == 1
        page.press("Escape")
        assert page.text("#found") == "5 shown"
        page.value("document.querySelector('g[data-id=p1]').focus()")
        page.press("Enter")
        assert CHAIN[1] in page.value(names)
        assert "test(app)" in page.text("#panel")
        click = "new MouseEvent('click', {bubbles: true})"
        page.value(f"document.querySelector('g[data-id=p0]').dispatchEvent({click})")
        assert page.value("document.querySelectorAll('path.chain').length") == 1
        assert page.picture(tmp_path / "changes.png").stat().st_size > 20_000
        page.value("document.getElementById('fold').click()")
        assert page.value(names) == ["libs"]
        page.value("document.getElementById('unfold').click()")
        assert CHAIN[0] in page.value(names)
        links = page.value("[...document.links].map((one) => one.getAttribute('href'))")
        assert links == ["#p0", "#p1"]
        assert page.value("[...document.links].every((one) => document.querySelector(one.hash))")
        light = page.value("getComputedStyle(document.body).backgroundColor")
        assert page.complaints == []
    with OpenPage(small, tmp_path / "profile", script=False, dark=True) as page:
        assert page.value("document.getElementById('view').hidden")
        assert page.value("getComputedStyle(document.body).backgroundColor") != light
        text = page.text("body")
        assert re.search(
            r"app\s+package\s+libs/app\s+libs/base/src/base/money.py\s+←.*:3 \(imp", text
        )
        assert HOSTILE in text
        assert re.search(r"app\s+test\(app\)\s+app\s+it is affected", text)


def test_a_thousand_packages_are_folded_and_found(tmp_path: Path) -> None:
    long = tuple(f"libs/p{n}/src/p{n}/core.py:7 (import)" for n in range(900))
    items = [
        Item(name=f"p{n}", path=f"libs/p{n}", reasons=(f"first <- p{n}",), chain=long[: n + 1])
        for n in range(900)
    ]
    items += [Item(name=f"q{n}", path=f"services/q{n}") for n in range(100)]
    edges = [(f"p{n + 1}", f"p{n}") for n in range(899)]
    edges += [("p0", "q0"), ("q0", "p0")]  # a circle, of the folders as well
    runs = {one.name: [f"test({one.name})"] for one in items[:900]}
    outside = ("scripts/make.py", "libs/p0/src/p0/core.py:1 (path)")
    items[0] = Item(name="p0", path="libs/p0", reasons=(" <- ".join(outside),), chain=outside)
    page = page_of(tmp_path, selection(*items), edges, runs)
    assert page.stat().st_size < 600_000
    with OpenPage(page, tmp_path / "profile") as shown:
        assert shown.text("#graph text") == "+ libs (900 of 900)"
        assert shown.text("#found") == "2 shown"  # and scripts/, a file of which is in no package
        shown.value("document.getElementById('only').click()")
        assert shown.text("#found") == "3 shown"
        assert shown.value("document.querySelectorAll('path').length") == 3
        assert shown.value("document.querySelectorAll('details[open]').length") == 2
        shown.press("/")
        shown.write("q77")
        assert shown.text("#found") == "1 found"
        shown.press("Escape")
        shown.value("document.getElementById('unfold').click()")
        assert re.fullmatch(r"\d+ shown; \d+ are not drawn: search for them", shown.text("#found"))
        assert shown.complaints == []
