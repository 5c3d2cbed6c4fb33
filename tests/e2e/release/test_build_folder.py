"""Where wheels are built while gates run: only the build sees it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.real import git, need, write
from tradai_tasks.environment_allowance import BASE_ONLY
from tradai_tasks.errors import FileExistsAlreadyError
from tradai_tasks.process import run, sandbox_fault
from tradai_tasks.release.engine.source_export import SourceExport
from tradai_tasks.release.images.image_wheels import ImageWheels
from tradai_tasks.release.libraries.wheel_build import open_build_folder
from tradai_tasks.sandbox import Sandbox
from tradai_tasks.vcs.git import Git


def test_a_build_sees_its_sources_and_a_gate_beside_it_does_not(tmp_path: Path) -> None:
    hidden = tmp_path / "state"
    hidden.mkdir(mode=0o700)
    gate = Sandbox(hide=(hidden,))
    if sandbox_fault(gate):
        need(False, "a user namespace")
    with open_build_folder(gate, hidden) as made:
        (made.folder / "tree").mkdir()
        (made.folder / "tree" / "source").write_text("honest")
        for place in (made.folder, made.seen):
            forge = f"mkdir -p {place}/tree && echo evil > {place}/tree/source"
            run(["sh", "-c", forge], cwd=tmp_path, sandbox=gate, check=False)
        script = f"cat {made.seen}/tree/source; pwd; mkdir ../out; echo made > ../out/wheel"
        done = run(["sh", "-c", script], cwd=made.entered("tree"), sandbox=made.sandbox)
        assert done.text == f"honest{made.seen}/tree\n"
        assert (made.folder / "out" / "wheel").read_text() == "made\n"
    assert not made.folder.exists()
    assert not made.seen.exists()


def test_without_a_sandbox_it_is_an_ordinary_folder(tmp_path: Path) -> None:
    with open_build_folder(None, tmp_path) as made:
        assert made.folder == made.seen
        assert made.sandbox is None


def test_wheels_are_not_put_where_a_link_of_the_commit_leads(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    home = write(tmp_path / "home", {"README.md": "A\n"})
    (home / "dist").symlink_to(outside)
    git(home, "init", "-q", "-b", "main")
    git(home, "add", "-A")
    git(home, "commit", "-qm", "A link")
    source = SourceExport(git=Git.open(home), commit=git(home, "rev-parse", "HEAD"))
    wheels = ImageWheels(source=source, allowance=BASE_ONLY, sandbox=None)
    spec: Any = SimpleNamespace(wheels=(SimpleNamespace(name="a"),), takes_wheels=False)
    with pytest.raises(FileExistsAlreadyError, match="a link leads out of"):
        wheels.put(spec)
    source.close()
    assert list(outside.iterdir()) == []
