"""Which of the files that are not in the commit a Dockerfile takes."""

from __future__ import annotations

import pytest

from tradai_tasks.release.images.dockerfile import copied_of


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("COPY model.bin /m", ["web/model.bin"]),
        ("copy --chown=1:1 ./model.bin /m", ["web/model.bin"]),
        ('COPY ["model.bin", "/m"]', ["web/model.bin"]),
        ("ADD *.bin /m", ["web/model.bin"]),
        ("COPY a b \\\n  model.bin /m", ["web/model.bin"]),
        ("COPY data/sets/a.csv /d", ["web/data/"]),
        ("COPY . /app", []),
        ("COPY . /app\nRUN pip install --find-links /app/wheels /app", ["web/wheels/"]),
        ("COPY --from=build model.bin /m", []),
        ("# COPY model.bin /m", []),
        ("RUN cat model.bin", []),
    ],
)
def test_it_is_distinguished_from_copy_and_add(line: str, found: list[str]) -> None:
    left_out = ["web/data/", "web/model.bin", "web/wheels/"]
    assert copied_of(f"FROM x\n{line}\n", left_out, "web") == found
