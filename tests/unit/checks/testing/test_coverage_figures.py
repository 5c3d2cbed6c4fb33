from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradai_tasks.checks.testing.coverage_figures import (
    CodeShare,
    Figure,
    figures,
    floor_fault,
    user_floor,
)


def summary(covered: int, statements: int, **more: int) -> dict[str, Any]:
    counts = {"covered_lines": covered, "num_statements": statements, **more}
    return {"summary": counts, "missing_lines": [*range(3 + covered, 3 + statements)]}


def measured(home: Path, files: dict[str, Any], **settings: Any) -> tuple[Figure, ...]:
    report = home / "coverage.json"
    report.write_text(json.dumps({"files": files}))
    shares = [
        CodeShare(
            name="a",
            floor=60,
            files=tuple(home / f"src/a/{name}.py" for name in ("__init__", "x", "y")),
        ),
        CodeShare(name="b", floor=80, files=(home / "b.py",)),
    ]
    return figures(report, shares, home=home, settings=settings)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("src/a/__init__.py", "src/a/x.py", "src/a/y.py", "b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('"""Text."""\n\nx = 1\ny = 2\n')
    (tmp_path / "src/a/__init__.py").write_text('"""Only a docstring."""\n')
    return tmp_path


def test_each_package_has_a_figure_of_its_own_code_alone(home: Path) -> None:
    found = measured(
        home,
        {
            "src/a/x.py": summary(1, 2, num_branches=2, covered_branches=2),
            str(home / "src/a/y.py"): summary(2, 2),
            "src/a/tests/helper.py": summary(90, 90),
            "elsewhere.py": summary(90, 90),
            "b.py": summary(1, 2),
        },
    )
    assert [(figure.name, figure.percent) for figure in found] == [("a", 100 * 5 / 6), ("b", 50)]
    assert floor_fault(found, user=0, precision=0, home=home) == (
        "b: coverage 50 % is under its floor of 80 %; the lines to test are listed above; most "
        "untested lines are in b.py:4 (1 line)"
    )


def test_code_that_no_test_imports_counts_as_not_covered(home: Path) -> None:
    a, b = measured(home, {"src/a/x.py": summary(2, 2)})
    assert (a.percent, a.unseen) == (50, (home / "src/a/y.py",))
    assert (b.percent, b.unseen) == (0, (home / "b.py",))
    assert floor_fault([a], user=0, precision=0, home=home) == (
        "a: coverage 50 % is under its floor of 60 %; no test imports src/a/y.py; most "
        "untested lines are in src/a/y.py:1 (2 lines)"
    )


def test_code_that_the_configuration_leaves_out_is_named(home: Path) -> None:
    files = {"src/a/x.py": summary(0, 0, excluded_lines=2), "b.py": summary(2, 2)}
    for settings in (
        {"run:omit": ["*/y.py"]},
        {"report:omit": ["src/a/y.py"]},
        {"report:include": ["*/x.py", "b.py"]},
    ):
        a, _ = measured(home, files, **settings)
        assert (a.omitted, a.excluded, a.unseen) == (
            (home / "src/a/y.py",),
            (home / "src/a/x.py",),
            (),
        )
        assert a.percent is None
        assert floor_fault([a], user=0, precision=0, home=home) == (
            "a: no coverage of its code was measured (coverage's configuration leaves it out), so "
            "its floor of 60 % is not shown"
        )


def test_nothing_measured_is_no_pass(home: Path) -> None:
    found = measured(home, {})
    assert [figure.percent for figure in found] == [None, None]
    fault = floor_fault(found, user=0, precision=0, home=home)
    assert fault == "a: no coverage of its code was measured, so its floor of 60 % is not shown"


def figure(percent: float, floor: float = 60) -> Figure:
    return Figure(name="a", floor=floor, percent=percent, unseen=(), omitted=(), excluded=())


@pytest.mark.parametrize(
    ("percent", "floor", "user", "precision", "needed"),
    [
        (59.999, 60, 0, 0, 60),
        (60, 60, 0, 0, None),
        (70, 60, 90, 0, 90),
        (70, 60, 50, 0, None),
        (89.6, 60, 90, 0, None),  # as coverage.py itself rounds
        (89.6, 60, 90, 1, 90),
        (0, 0, 0, 0, None),
    ],
)
def test_the_stricter_of_two_floors_holds(
    percent: float, floor: float, user: float, precision: int, needed: float | None
) -> None:
    fault = floor_fault([figure(percent, floor)], user=user, precision=precision, home=Path("/w"))
    if needed is None:
        assert fault is None
    else:
        shown = int(percent * 100) / 100
        assert fault is not None
        assert fault.startswith(f"a: coverage {shown:g} % is under its floor of {needed:g} %")


@pytest.mark.parametrize(
    ("args", "settings", "floor"),
    [
        (["--cov-fail-under=0"], {}, 0),
        (["--cov-fail-under=90", "--cov-fail-under=0"], {}, 90),
        (["--cov-fail-under", "90", "--cov-fail-under=0"], {"report:fail_under": 5}, 90),
        (["--cov-fail-under=0"], {"report:fail_under": 75.5}, 75.5),
    ],
)
def test_the_users_own_floor(args: list[str], settings: dict[str, Any], floor: float) -> None:
    assert user_floor(args, settings) == floor
