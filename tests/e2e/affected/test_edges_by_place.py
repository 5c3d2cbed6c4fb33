"""Code that is run, extended or listed by its place in the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.edges import A, B, Tree, b_runs, hold
from tests.support.snapshots import member

JOB = {"libs/a/src/a/job.py": "VALUE = 1\n"}
BY_PLACE = [
    ("run by path from a package's __file__", "runpy.run_path(Path(a.__file__).parent / 'job.py')"),
    (
        "a command with a path from a package's __file__",
        "subprocess.run([sys.executable, str(Path(a.__file__).with_name('job.py'))], check=True)",
    ),
    (
        "a bare name in a working directory from a package's __file__",
        "subprocess.run(['python', 'job.py'], cwd=os.path.dirname(a.__file__), check=True)",
    ),
    (
        "a bare name in a working directory from the own file",
        (
            "subprocess.run(\n"
            "    [sys.executable, 'job.py'],\n"
            "    cwd=Path(__file__).parents[2] / 'a' / 'src' / 'a', check=True)"
        ),
    ),
    (
        "exec of a file beside a package",
        "exec(compile((Path(a.__file__).parent / 'job.py').read_text(), 'x', 'exec'), {})",
    ),
    (
        "exec of the files of a package",
        "for path in Path(a.__file__).parent.glob('*.py'):\n    exec(path.read_text(), {})",
    ),
    (
        "run_path of the files of a package",
        (
            "for path in sorted(Path(a.__path__[0]).iterdir()):\n"
            "    if path.suffix == '.py':\n        runpy.run_path(str(path))"
        ),
    ),
    (
        "spec_from_file_location under another name",
        (
            "load = importlib.util.spec_from_file_location\n"
            "spec = load('x', Path(a.__file__).parent / 'job.py')\n"
            "spec.loader.exec_module(importlib.util.module_from_spec(spec))"
        ),
    ),
    (
        "SourceFileLoader under another name",
        (
            "from importlib.machinery import SourceFileLoader as Loader\n"
            "Loader('x', os.path.join(os.path.dirname(a.__file__), 'job.py')).load_module()"
        ),
    ),
    (
        "PathFinder in a folder",
        (
            "from importlib.machinery import PathFinder\n"
            "spec = PathFinder.find_spec('job', [os.path.dirname(a.__file__)])\n"
            "spec.loader.exec_module(importlib.util.module_from_spec(spec))"
        ),
    ),
    (
        "code for -c made by an f-string",
        (
            "name = bytes.fromhex('6a6f62').decode()\n"
            "subprocess.run([sys.executable, '-c', f'import a.{name}'], check=True)"
        ),
    ),
    (
        "code for -c made by % from a table",
        (
            "for name in ['job']:\n"
            "    subprocess.run([sys.executable, '-c', 'from a import %s' % name], check=True)"
        ),
    ),
    (
        "a computed name in code for -c",
        (
            "name = bytes.fromhex('612e6a6f62').decode()\n"
            "subprocess.run([sys.executable, '-c', f'import {name}'], check=True)"
        ),
    ),
    (
        "exec of a module that is read as a resource",
        "from importlib import resources as res\nexec(res.read_text('a', 'job.py'), {})",
    ),
    (
        "exec of what pkgutil reads",
        "from pkgutil import get_data as read\nexec(read('a', 'job.py'), {})",
    ),
    (
        "exec of a file whose path is put together",
        "exec(open(os.path.dirname(a.__file__) + '/job.py').read(), {})",
    ),
    ("code for timeit", "import timeit\ntimeit.timeit('job', 'from a import job', number=1)"),
    (
        "a script in the folder to which a command goes",
        "subprocess.run('cd ../a && python src/a/job.py', shell=True, check=True)",
    ),
    (
        "a module of another's folder by -m in a working directory",
        "subprocess.run([sys.executable, '-m', 'job'], cwd=Path(a.__file__).parent, check=True)",
    ),
]


@pytest.mark.parametrize(("why", "code"), BY_PLACE, ids=[why for why, _ in BY_PLACE])
def test_code_that_is_run_by_its_place(tmp_path: Path, why: str, code: str) -> None:
    del why
    hold(tmp_path, Tree(why="", files={**JOB, **b_runs(code)}, changed="libs/a/src/a/job.py"))


EXTENDED = [
    "a.__path__.append(str(Path(__file__).parents[2] / 'c' / 'more'))\nimport a.far as far",
    "a.__path__ += [str(Path(__file__).parents[2] / 'c' / 'more')]\nfrom a import far",
    (
        "a.__path__.extend([str(Path(__file__).parents[2] / 'c' / 'more')])\n"
        "importlib.import_module('a.far')"
    ),
]


@pytest.mark.parametrize("code", EXTENDED)
def test_a_package_whose_path_is_changed(tmp_path: Path, code: str) -> None:
    tree = Tree(
        why="",
        files={"libs/c/more/far.py": "", **b_runs(code)},
        changed="libs/c/more/far.py",
        members=(A, B, member("libs/c")),
    )
    hold(tmp_path, tree)


@pytest.mark.parametrize("how", ["__path__ = extend_path(__path__, __name__)", "__path__ += MORE"])
def test_a_package_that_extends_itself(tmp_path: Path, how: str) -> None:
    head = "from pkgutil import extend_path\nfrom pathlib import Path\n"
    head += "MORE = [str(Path(__file__).parents[3] / 'c' / 'src' / 'a')]\n"
    tree = Tree(
        why="",
        files={
            "libs/a/src/a/__init__.py": f"{head}{how}\n",
            "libs/c/src/a/__init__.py": f"{head}{how}\n",
            "libs/c/src/a/far.py": "",
            "libs/b/tests/test_b.py": "import a.far\n\n\ndef test_b():\n    pass\n",
        },
        changed="libs/c/src/a/far.py",
        members=(A, member("libs/b", "a", "c"), member("libs/c")),
    )
    hold(tmp_path, tree)
