"""Modules that are named inside longer texts which a test writes to files, and folders it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.edges import Tree, hold

HEAD = "import os\nimport subprocess\nimport runpy\nimport shutil\nfrom pathlib import Path\n\n\n"
WRITTEN = [
    (
        "a script in one line",
        (
            "def test_b(tmp_path):\n    file = tmp_path / 'x.py'\n"
            "    file.write_text('x = 1\\nfrom a import mod')\n"
            "    subprocess.run(['python', file], check=True)\n"
        ),
    ),
    (
        "a script over several lines",
        (
            "CODE = '''\nimport os\nfrom a import (\n    mod,\n)\n'''\n\n\n"
            "def test_b(tmp_path):\n    file = tmp_path / 'x.py'\n    file.write_text(CODE)\n"
            "    runpy.run_path(str(file))\n"
        ),
    ),
    (
        "a folder that is copied",
        (
            "def test_b(tmp_path):\n"
            "    shutil.copytree(Path(__file__).parents[2] / 'a' / 'src', tmp_path / 'x')\n"
            "    subprocess.run(['python', '-c', 'from ' + 'a import ' + 'm' + 'od'],\n"
            "        cwd=tmp_path / 'x', env={'PATH': os.environ['PATH']}, check=True)\n"
        ),
    ),
]


@pytest.mark.parametrize(("why", "test"), WRITTEN, ids=[why for why, _ in WRITTEN])
def test_what_a_test_writes_down(tmp_path: Path, why: str, test: str) -> None:
    del why
    hold(tmp_path, Tree(why="", files={"libs/b/tests/test_b.py": HEAD + test}))


def test_a_folder_of_modules_that_a_third_party_loads(tmp_path: Path) -> None:
    bag = "import runpy\n\n\ndef load(folder):\n    for path in folder.iterdir():\n"
    tree = Tree(
        why="",
        files={
            "libs/a/dags/one.py": "import a.mod\n",
            "libs/b/tests/test_b.py": (
                "from pathlib import Path\nimport bag\n\n\ndef test_b():\n"
                "    bag.load(Path(__file__).parents[2] / 'a' / 'dags')\n"
            ),
        },
        installed={"bag.py": f"{bag}        runpy.run_path(str(path))\n"},
    )
    hold(tmp_path, tree)


def test_templates_of_a_package_that_is_only_named(tmp_path: Path) -> None:
    loader = (
        "from importlib import import_module\nfrom pathlib import Path\n\n\n"
        "class PackageLoader:\n    def __init__(self, package, folder):\n"
        "        home = Path(import_module(package).__file__).parent\n"
        "        self.text = (home / folder / 'x.html').read_text()\n"
    )
    tree = Tree(
        why="",
        files={
            "libs/a/src/a/templates/x.html": "<p>",
            "libs/b/tests/test_b.py": (
                "from jinja import PackageLoader\n\n\ndef test_b():\n"
                "    assert PackageLoader('a', 'templates').text == '<p>'\n"
            ),
        },
        changed="libs/a/src/a/templates/x.html",
        installed={"jinja.py": loader},
    )
    hold(tmp_path, tree)
