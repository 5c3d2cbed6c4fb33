"""Which files an image holds, by its Dockerfile's words."""

from __future__ import annotations

import pytest

from tradai_tasks.affected.selection.evidence_collector import copied_globs
from tradai_tasks.affected.selection.path_rules import summed
from tradai_tasks.files.path_globs import GlobSet


@pytest.mark.parametrize(
    ("line", "path", "does"),
    [
        ("COPY libs/base /app", "libs/base/src/a.py", True),
        ("COPY libs/base /app", "libs/basement/a.py", False),
        ("copy --chown=me:me ./libs/base/ pyproject.toml /app/", "libs/base/a", True),
        ("COPY --link libs/a libs/base /app/", "libs/base/a", True),
        ("COPY libs/a \\\n  # why\n  libs/base \\\n  /app/", "libs/base/a", True),
        ('ADD ["libs/base", "/app"]', "libs/base/a", True),
        ("COPY libs/b* /app/", "libs/base/deep/a", True),
        ("COPY libs/*/pyproject.toml /app/", "libs/base/pyproject.toml", True),
        ("COPY libs/*/pyproject.toml /app/", "libs/base/a.py", False),
        ("COPY /libs/base /app/", "libs/base/a", True),
        ("COPY shared /app/", "services/web/shared/a", True),
        ("COPY ../../libs/base /app/", "libs/base/a", True),
        ("COPY . /app", "libs/base/a", False),
        ("COPY --from=build libs/base /app", "libs/base/a", False),
        ("# COPY libs/base /app", "libs/base/a", False),
        ("RUN echo COPY libs/base /app", "libs/base/a", False),
        ("ADD https://example.com/libs/base /app", "libs/base/a", False),
        ("COPY [libs/base /app", "libs/base/a", False),
        ("COPY", "libs/base/a", False),
        ("COPY libs/base", "libs/base/a", False),
        ("COPY \xff libs/[ /app", "libs/base/a", False),
    ],
)
def test_copies(line: str, path: str, does: bool) -> None:
    text = f"FROM x\n{line}\n".encode("latin-1")
    globs = GlobSet(copied_globs(text, "services/web"))
    assert any(globs.matching(path)) is does


@pytest.mark.parametrize(
    ("paths", "whole", "shown"),
    [
        ([], False, []),  # all that is copied counts by where it lies
        (["a"], False, ["a"]),
        (["a", "b", "c"], False, ["a and 2 more"]),
        (["a", "b", "c"], True, ["a", "b", "c"]),
    ],
)
def test_paths_that_an_image_copies_are_summed_up(
    paths: list[str], *, whole: bool, shown: list[str]
) -> None:
    assert summed(paths, whole=whole) == shown
