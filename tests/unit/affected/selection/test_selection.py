"""Selection: what each kind of path affects, and that the unknown affects everything."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.real import REPOSITORY
from tradai_tasks.affected.revisions.commit_range import CommitRange
from tradai_tasks.affected.selection.presentation import (
    as_document,
    as_outputs,
    explanation,
    markdown,
    rows,
)
from tradai_tasks.affected.selection.selection import ChangeEvidence, Selection, select
from tradai_tasks.files.path_globs import matches
from tradai_tasks.matrix import MatrixJob
from tradai_tasks.settings.model import AffectedSettings, PackageSettings
from tradai_tasks.workspace.discovery import Package, Unit, Workspace

SPAN = CommitRange(base="a" * 40, head="b" * 40, why="merge base of HEAD and main")


def package(path: str, **settings: Any) -> Package:
    name = path.rpartition("/")[2] if path != "." else "root"
    return Package(
        name=name, path=path, project=".", document={}, settings=PackageSettings(**settings)
    )


WORKSPACE = Workspace(
    kind="platform",
    packages=(
        package("libs/common"),
        package("libs/data", also_affected_by=("schemas/**",)),
        package("services/backend"),
    ),
    services=(Unit(name="backend", path="services/backend"), Unit(name="web", path="services/web")),
    lambdas=(Unit(name="gaps", path="lambdas/gaps"), Unit(name="alerts", path="lambdas/alerts")),
    stacks=(Unit(name="dev", path="infra"), Unit(name="prod", path="infra")),
)


def chosen(*paths: str, ignore: tuple[str, ...] = (), **more: object) -> Selection:
    evidence = ChangeEvidence(paths=paths, **more)  # type: ignore[arg-type]  # named fields
    return select(WORKSPACE, None, evidence, AffectedSettings(ignore=ignore))


@pytest.mark.parametrize(
    ("path", "kind", "names"),
    [
        ("libs/common/src/x.py", "packages", ("common",)),
        ("libs/common/README.md", "packages", ("common",)),
        ("schemas/deep/order.json", "packages", ("data",)),
        ("services/backend/Dockerfile", "services", ("backend",)),
        ("services/backend/Dockerfile", "packages", ("backend",)),
        ("services/web/Dockerfile", "services", ("web",)),
        ("lambdas/gaps/handler.py", "lambdas", ("gaps",)),
        ("lambdas/base/Dockerfile", "lambdas", ("gaps", "alerts")),
        ("infra/Pulumi.prod.yaml", "stacks", ("prod",)),
        ("infra/__main__.py", "stacks", ("dev", "prod")),
        ("docs/index.md", "packages", ()),
        ("README.md", "packages", ()),
        ("tests/contract/test_api.py", "packages", ()),
        ("compose.yaml", "packages", ()),
    ],
)
def test_a_path_affects_what_it_belongs_to(path: str, kind: str, names: tuple[str, ...]) -> None:
    selection = chosen(path)
    assert selection.affected(kind) == names
    assert selection.everything == ()


@pytest.mark.parametrize(
    "path",
    [
        "noxfile.py",
        "conftest.py",
        "scripts/run.sh",
        "libs/shared.txt",
        "../other/x.go",
        ".github/workflows/ci.yml",
        "elsewhere/uv.lock",
    ],
)
def test_what_belongs_to_nothing_affects_everything(path: str) -> None:
    selection = chosen(path)
    why = f"{path}: belongs to nothing known; if it affects nothing, add it to affected.ignore"
    assert selection.everything == (why,)
    for kind in ("packages", "services", "lambdas", "stacks"):
        assert all(item.affected for item in getattr(selection, kind))
        assert all(why in explanation(item) for item in getattr(selection, kind))


def test_ignored_paths_affect_nothing_and_do_not_count() -> None:
    selection = chosen("scripts/run.sh", "libs/common/x.py", ignore=("scripts/**",))
    assert selection.changed == ("libs/common/x.py",)
    assert selection.affected("packages") == ("common",)
    assert selection.everything == ()


def test_a_chain_of_the_import_graph_is_the_reason_of_package_and_service() -> None:
    chain = ("libs/common/src/retry.py", "libs/data/src/client.py", "services/backend/src/api.py")
    selection = chosen("libs/common/src/retry.py", chains={"backend": chain, "lambdas:gaps": chain})
    reason = " <- ".join(chain)
    backend = next(item for item in selection.packages if item.name == "backend")
    assert backend.reasons == (reason,)
    assert next(s for s in selection.services if s.name == "backend").reasons == (reason,)
    assert selection.affected("lambdas") == ("gaps",)


def test_the_import_graph_accounts_for_files_outside_any_package() -> None:
    accounted = frozenset({"conftest.py"})
    chain = ("conftest.py", "libs/data/tests/test_x.py")
    selection = chosen("conftest.py", accounted=accounted, chains={"data": chain})
    assert selection.affected("packages") == ("data",)
    assert selection.everything == ()


def test_a_deleted_package_still_accounts_for_its_files() -> None:
    before = Workspace(kind="platform", packages=(package("libs/old"),))
    evidence = ChangeEvidence(paths=("libs/old/src/old.py",))
    selection = select(WORKSPACE, before, evidence, AffectedSettings())
    assert selection.everything == ()
    assert selection.affected("packages") == ()


def test_settings_of_one_package_select_its_own_sessions() -> None:
    assert chosen(sessions={"lint": "ruff"}).affected("packages") == ()
    selection = chosen(
        own_sessions={"data": {"test": "why", "lint": "how"}, "common": {"lint": "x"}}
    )
    assert selection.affected("packages") == ("data",)
    assert [dict(item.sessions) for item in selection.packages] == [
        {"lint": "x"},
        {"test": "why", "lint": "how"},
        {},
    ]
    assert rows(selection) == [
        ("package", "data", "why"),
        ("session", "lint(common)", "x"),
        ("session", "lint(data)", "how"),
    ]
    assert explanation(selection.packages[0]) == "common: not affected; lint runs: x\n"
    assert rows(chosen(sessions={"lint": "ruff"})) == [("session", "lint", "ruff")]


def test_a_single_package_owns_its_whole_repository() -> None:
    workspace = Workspace(kind="platform", packages=(package("."),))
    selection = select(workspace, None, ChangeEvidence(paths=("any/file",)), AffectedSettings())
    assert selection.affected("packages") == ("root",)


def test_the_json_document_has_exactly_the_promised_shape() -> None:
    job = {"name": "common", "sessions": "test(common)", "packages": "common", "python": "3.11"}
    document = as_document(SPAN, chosen("libs/common/x.py"), [job])
    assert list(document) == [
        "range", "everything", "everything_reasons", "packages", "services", "lambdas",
        "strategies", "reasons", "matrix",
    ]  # fmt: skip
    assert document["range"] == {"base": SPAN.base, "head": SPAN.head, "why": SPAN.why}
    assert document["everything"] is False
    assert document["packages"][0] == {
        "name": "common",
        "path": "libs/common",
        "affected": True,
        "reasons": [0],
    }
    assert document["reasons"] == ["libs/common/x.py"]
    assert document["everything_reasons"] == []
    assert document["matrix"] == {"include": [job]}


def test_the_document_in_the_reference_has_that_shape() -> None:
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    told = json.loads(shown)
    job = MatrixJob(name="a", sessions=("test(a)",), packages=("a",), pythons=("3.12",)).as_json()
    document = as_document(SPAN, chosen("libs/common/x.py"), [job])
    assert sorted(told) == sorted(document)
    assert told["range"].keys() == document["range"].keys()
    assert told["packages"][0].keys() == document["packages"][0].keys()
    assert told["matrix"]["include"][0].keys() == job.keys()


def test_outputs_are_one_line_each_and_any_guards_an_empty_matrix() -> None:
    outputs = as_outputs(chosen("docs/a.md"), [])
    assert outputs["any"] == "false"
    assert outputs["docs"] == "true"
    assert json.loads(outputs["matrix"]) == {"include": []}
    assert json.loads(as_outputs(chosen("libs/common/\n.py"), [])["packages"]) == ["common"]
    assert all("\n" not in value for value in outputs.values())


def test_the_summary_marks_the_affected_and_escapes_file_names() -> None:
    selection = chosen("libs/common/<b>|`x`.py")
    text = markdown(SPAN, selection, [("data", "common"), ("backend", "data"), ("x", "y")])
    assert '  p0["common"]:::affected' in text
    assert '  p1["data"]\n' in text
    assert "  p1 --> p0\n" in text
    assert "\\<b\\>" in text
    assert rows(selection) == [("package", "common", "libs/common/<b>|`x`.py")]
    assert "Everything is affected" in markdown(SPAN, chosen("x"), [])


@pytest.mark.parametrize("affected", [2, 1_500])
def test_a_summary_too_large_for_the_ci_is_cut_and_says_so(affected: int) -> None:
    packages = tuple(package(f"libs/p{n:04}") for n in range(1_600))
    paths = tuple(f"libs/p{n:04}/{'x' * 900}" for n in range(affected))
    selection = select(
        Workspace(kind="platform", packages=packages),
        None,
        ChangeEvidence(paths=paths),
        AffectedSettings(),
    )
    edges = [(f"p{n:04}", f"p{n - 1:04}") for n in range(1, 1_600)]
    text = markdown(SPAN, selection, edges)
    assert len(text.encode()) < 1024 * 1024
    assert ("p0 --> " in text or "p1 --> p0" in text) == (affected == 2)
    assert ("more, too long to show here" in text) == (affected != 2)
    assert ("too large to show here" in text) == (affected != 2)


def test_explanation_lists_every_reason() -> None:
    selection = chosen("libs/common/a.py", "libs/common/b.py")
    assert explanation(selection.packages[0]).splitlines() == [
        "common: affected by",
        "  libs/common/a.py",
        "  libs/common/b.py",
    ]
    assert explanation(selection.packages[1]) == "data: not affected\n"


@given(path=st.text(st.sampled_from("ab/.*"), max_size=8))
def test_every_path_affects_something_or_is_of_a_known_kind(path: str) -> None:
    selection = chosen(path)
    touched = [selection.affected(kind) for kind in ("packages", "services", "lambdas", "stacks")]
    assert any(touched) or selection.docs or selection.everything


@pytest.mark.parametrize(
    ("path", "glob", "does"),
    [
        ("a/b.py", "a/*.py", True),
        ("a/c/b.py", "a/*.py", False),
        ("a/c/b.py", "a/**", True),
        ("a/c/b.py", "**/b.py", True),
        ("b.py", "**/b.py", True),
        ("a/bb.py", "**/b.py", False),
        ("axb", "a.b", False),
        ("a/b", "a?b", False),
        ("a/1.json", "a/[0-9].json", True),
        ("a/x.json", "a/[!0-9].json", True),
        ("a/1.json", "a/[!0-9].json", False),
        ("a/b", "a[/]b", False),
        ("a/b", "a[!x]b", False),
        ("a]", "a[]]", True),
        ("a[b", "a[b", True),
        ("a-", "a[z-]", True),
        ("a^", "a[^x]", True),
        ("ay", "a[^x]", False),
        ("ab", "a[z-a]", False),
        ("ab", "a[!z-a]", True),
        ("a/b.py", "./a/*.py", True),
        ("a/b.py", "/a/*.py", True),
        ("a/b/c.py", "a/", True),
        ("../a/b.py", "../a/**", True),
        (".github/x", ".github/**", True),
    ],
)
def test_globs(path: str, glob: str, does: bool) -> None:
    assert matches(path, glob) is does
