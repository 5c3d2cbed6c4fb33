"""The page of a change: its tables, and what its graph is drawn from."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.affected.selection.change_page import change_page, graph_data
from tradai_tasks.affected.selection.presentation import page_link
from tradai_tasks.affected.selection.selection import Item, Selection
from tradai_tasks.html_page import Markup, escaped, html_page

SPAN = CommitRange(base="a" * 40, head="b" * 40, why="first <b>")
JOBS = [{"name": "1: web", "sessions": "lint(web),test(web),test(root)"}]


def selection(**given: Any) -> Selection:
    kinds: dict[str, Any] = dict.fromkeys(
        ("everything", "packages", "services", "lambdas", "strategies", "stacks", "docs"), ()
    )
    return Selection(**{**kinds, "sessions": {}, "changed": (), **given})


WEB = Item(name="web", path="services/web", reasons=("x.py", "y"), chain=("x.py",))


def page(found: Selection, sessions: dict[str, Any] | None = None) -> str:
    return change_page(SPAN, found, [("web", "web"), ("web", "gone")], JOBS, sessions or {})


def test_a_reason_that_is_shared_is_written_once() -> None:
    service = Item(name="web", path="services/web", reasons=("y",))
    text = page(selection(packages=(WEB,), services=(service,), docs=("d.md",), changed=("x.py",)))
    assert text.count(">y</span>") == 1
    assert '<td>service</td><td>services/web</td><td><a href="#r1">as above</a></td>' in text
    assert "<th scope=row>docs</th>" in text
    assert "first &lt;b&gt;" in text
    assert "everything" not in re.sub(r"<script.*</script>", "", text, flags=re.DOTALL)


def test_why_each_session_runs() -> None:
    other = Item(name="other", path="o", sessions={"typecheck": "mypy.ini"})
    sessions = {"web": ["lint(web)", "test(web)"], "root": ["test(root)"]}
    text = page(selection(packages=(WEB, other), sessions={"lint": "ruff.toml"}), sessions)
    row = text[text.index("<th scope=row>web</th><td>lint(web)<br>test(web)</td>") :]
    assert '<td>1: web</td><td><a href="#p0">it is affected</a><br>ruff.toml</td>' in row
    assert "tests may test anything" in row[row.index("<th scope=row>root</th>") :]
    held = [{"name": "o", "sessions": "typecheck(other)"}]
    only = change_page(
        SPAN, selection(packages=(other,)), [], held, {"other": ["typecheck(other)"]}
    )
    assert "<td>typecheck(other)</td><td>o</td><td>mypy.ini</td>" in only


def test_everything_is_said_once_and_linked() -> None:
    why = ("a tag: everything",)
    items = tuple(Item(name=f"p{n}", path=f"p{n}", everything=why) for n in range(60))
    text = page(selection(packages=items, strategies=items[:1], everything=why))
    tables = text.partition("<script")[0]
    assert tables.count(why[0]) == 1
    assert tables.count('<a href="#everything">everything is affected</a>') == 60
    assert "<details><summary><h2>Affected (60)</h2>" in text
    assert "<td>strategy</td>" in text


def test_the_graph_has_each_step_once_with_its_innermost_package() -> None:
    chain = ("base/x.py", "base/in/y.py:3 (import)", "z.py")
    packages = (
        Item(name="root", path=".", reasons=(" <- ".join(chain),), chain=chain),
        Item(name="base", path="base", reasons=("base/x.py",), chain=chain[:1]),
        Item(name="in", path="base/in", reasons=(" <- ".join(chain[:2]),), chain=chain[:2]),
    )
    lone = Item(name="tick", path="lambdas/tick", reasons=("lambdas/tick/Dockerfile",))
    found = selection(packages=packages, lambdas=(lone,))
    reached = {"base/x.py": None, "base/in/y.py": "base/x.py", "base/t.py": "base/in/y.py"}
    more = {f"base/n{number}.py": "base/t.py" for number in range(2010)}
    data = graph_data(found, [("in", "base")] * 2, {"in": ("test(in)",)}, {**reached, **more})
    assert data["steps"][:3] == [[chain[0], -1, 1], [chain[1], 0, 2], [chain[2], 1, 0]]
    assert data["steps"][3:5] == [["base/t.py", 1, 1], ["base/n0.py", 3, 1]]
    assert (len(data["steps"]), data["left"]) == (2003, 11)
    assert [one["chain"] for one in data["packages"]] == [2, 0, 1, -1]
    assert data["uses"] == [(2, 1)]
    assert data["reasons"] == ["lambdas/tick/Dockerfile"]  # a chain is no reason once more
    assert data["packages"][2]["sessions"] == ["test(in)"]
    assert data["packages"][3]["kind"] == "lambda"


@pytest.mark.parametrize(
    "name", ["<script>", "</script>", "<!--", "\"&'", "a\nb", "\udc80", "\u202e"]
)
def test_names_are_data(name: str) -> None:
    item = Item(name=name, path=name, reasons=(name,), chain=(name,))
    text = page(selection(packages=(item,), changed=(name,), docs=(name,)))
    text.encode()
    assert len(re.findall(r"<script[ >]", text)) == 2
    assert text.count("</script>") == 2
    (data,) = re.findall(r"<script type=\"application/json\" id=data>(.*?)</script>", text)
    assert len(json.loads(data)["packages"]) == 1
    assert "\u202e" not in text


def test_the_frame_runs_no_script_but_its_own() -> None:
    assert "script-src" not in html_page("<t>", "body")
    assert "<title>&lt;t&gt;</title>" in html_page("<t>", "body")
    made = html_page("t", "body", style="p {}", script="go()", data={"a": "</script>"})
    assert "script-src 'sha256-" in made
    assert '{"a":"\\u003c/script>"}</script>\n<script>go()</script>' in made
    assert escaped(Markup("<b>")) == "<b>"
    assert escaped("<b>") == "&lt;b&gt;"


def test_the_summary_of_a_ci_run_links_to_its_artifacts() -> None:
    env = {"GITHUB_SERVER_URL": "https://s", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "7"}
    assert "(https://s/o/r/actions/runs/7#artifacts)" in page_link(env)
    assert page_link({}) == ""
