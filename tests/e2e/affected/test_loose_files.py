"""What scripts, stacks, Dockerfiles, documents and settings affect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.affected_shop import (
    FILES,
    commit,
    found,
    release,
    repository,
    touch,
)
from tests.support.real import git, write
from tradai_tasks.affected.graph.import_graph import ImportGraph


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", FILES)


@pytest.mark.parametrize("first", ["#!/usr/bin/env python3", "#!/usr/bin/env -S uv run --script"])
def test_a_script_whose_name_does_not_say_so_imports_too(shop: Path, first: str) -> None:
    files = {
        "libs/alone/bin/tool": f"{first}\nfrom base import used\n",
        "libs/alone/bin/other": "import base.used\n",
        "libs/alone/Dockerfile": "",
    }
    write(shop, files)
    commit(shop)
    touch("libs/base/src/base/used.py")(shop)
    for _ in range(2):  # cold, and from the cache
        selection = found(shop).selection
        assert set(selection.affected("packages")) == {"alone", "base", "app"}
    item = next(item for item in selection.packages if item.name == "alone")
    assert item.reasons == ("libs/base/src/base/used.py <- libs/alone/bin/tool:2 (text, guessed)",)
    write(shop, {"libs/alone/bin/tool": "import base.used\n"})
    commit(shop)
    touch("libs/base/src/base/used.py")(shop)
    assert set(found(shop).selection.affected("packages")) == {"base", "app"}


def test_stacks_are_affected_by_what_their_code_imports(shop: Path) -> None:
    files = {
        "infra/Pulumi.dev.yaml": "",
        "infra/network/Pulumi.prod.yaml": "",
        "infra/__main__.py": "",
        "infra/network/__main__.py": "import parts\n",
        "infra/parts.py": "from base.used import X\n",
    }
    write(shop, files)
    commit(shop)
    changes = [
        (
            touch("libs/base/src/base/used.py"),
            "libs/base/src/base/used.py <- infra/parts.py:1 (import)",
        ),
        (release("base"), "libs/base/pyproject.toml: project.version changed <- infra/parts.py"),
    ]
    for change, reason in changes:
        change(shop)
        selection = found(shop).selection
        assert selection.affected("stacks") == ("dev", "prod")
        assert set(selection.affected("packages")) == {"base", "app"}
        assert selection.stacks[0].reasons == (reason,)
        git(shop, "checkout", "-q", ".")
    touch("libs/alone/src/alone/__init__.py")(shop)
    assert found(shop).selection.affected("stacks") == ()
    touch("infra/network/Pulumi.prod.yaml")(shop)
    assert found(shop).selection.affected("stacks") == ("prod",)


def test_a_dockerfile_of_no_package_is_affected_by_what_it_copies(shop: Path) -> None:
    write(shop, {"services/web/Dockerfile": "FROM x\nCOPY libs/base/notes.txt libs/alone /app/\n"})
    commit(shop)
    touch("libs/base/notes.txt")(shop)
    selection = found(shop).selection
    assert selection.affected("services") == ("web",)
    reason = "libs/base/notes.txt (copied by services/web/Dockerfile)"
    assert selection.services[0].reasons == (reason,)
    write(shop, {"services/web/Dockerfile": "FROM x\n"})
    commit(shop)
    assert found(shop, base="HEAD~1").selection.affected("services") == ("web",)
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).selection.affected("services") == ()


@pytest.mark.parametrize(
    "name", ["README.md", "LICENSE", "mkdocs.yml", "compose.yaml", "docker-compose.yml", "NEWS.rst"]
)
def test_a_document_at_the_root_affects_who_reads_it(shop: Path, name: str) -> None:
    files = {
        name: "",
        "libs/app/tests/test_app.py": f"ROOT = 1\n(ROOT / '{name}').read_text()\n",
        "libs/alone/README.md": "",
        "libs/alone/NEWS.rst": "",
        "libs/alone/LICENSE": "",
        "libs/alone/tests/test_a.py": "".join(
            f'(HERE / "{other}").read_text()\n' for other in ("README.md", "NEWS.rst", "LICENSE")
        ),
        "libs/alone/notes.txt": f"'{name}'",
    }
    write(shop, files)
    commit(shop)
    touch(name)(shop)
    selection = found(shop).selection
    assert selection.affected("packages") == ("app",)
    head = commit(shop)
    result = found(shop, base="HEAD~1", head=head)
    assert result.selection.affected("packages") == ("app",)
    item = next(item for item in selection.packages if item.name == "app")
    assert item.reasons == (f"{name} <- libs/app/tests/test_app.py:2 (path, guessed)",)


def whole_graph(home: Path) -> ImportGraph:
    graph = found(home, with_graph=True).graph
    assert graph is not None
    return graph


def test_documentation_that_is_made_from_code_is_affected_by_it(shop: Path) -> None:
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).selection.docs == ()
    write(shop, {"mkdocs.yml": "plugins: [mkdocstrings]\n"})
    commit(shop)
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).selection.docs == ("libs/base/src/base/used.py",)
    git(shop, "checkout", "-q", ".")
    touch("libs/base/notes.txt")(shop)
    assert found(shop).selection.docs == ()


def test_settings_of_tools_and_of_the_root(shop: Path) -> None:
    write(shop, {"libs/alone/checks/a.py": ""})
    commit(shop)
    touch("pyproject.toml")(shop)
    assert found(shop).selection.affected("packages") == ()
    with (shop / "pyproject.toml").open("a") as file:
        file.write("[tool.ruff]\nline-length = 99\n")
    selection = found(shop).selection
    assert selection.affected("packages") == ()
    assert list(selection.sessions) == ["lint"]
    with (shop / "pyproject.toml").open("a") as file:
        file.write("[tool.pytest.ini_options]\n")
    assert found(shop).selection.affected("packages") == ("alone",)  # that has tests
    (shop / "noxfile.py").write_text("")
    selection = found(shop).selection
    assert "noxfile.py changed" in selection.everything


def test_only_warnings_that_bear_on_the_change_are_shown(shop: Path) -> None:
    undeclared = "libs/alone/src/alone/other.py imports base, which its package does not declare"
    dynamic = "import importlib\nimportlib.import_module(WHICH)\n"
    write(
        shop,
        {
            "libs/alone/src/alone/other.py": "import base.used\n",
            "libs/app/src/app/dyn.py": dynamic,
            "libs/app/tests/test_dyn.py": "import app.dyn\n",
        },
    )
    commit(shop)
    (shop / "libs/alone/notes.txt").write_text("")
    assert found(shop).warnings == ()
    assert undeclared in whole_graph(shop).warnings()
    touch("libs/alone/src/alone/other.py")(shop)
    assert found(shop).warnings == (undeclared,)
    git(shop, "checkout", "-q", ".")
    git(shop, "clean", "-qfd")
    touch("libs/base/src/base/used.py")(shop)
    assert found(shop).warnings == (undeclared,)
    git(shop, "checkout", "-q", ".")
    touch("libs/base/src/base/unused.py")(shop)  # which app may load, for all that can be told
    (warning,) = found(shop).warnings
    assert warning.startswith("app is affected by all that it can import: libs/app/src/app/dyn.py:")
