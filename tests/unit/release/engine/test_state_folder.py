"""The folder and the key that gates do not see: made once, refused where others could read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradai_tasks.errors import StateFolderError
from tradai_tasks.release.engine.state_folder import evidence_key, scratch_folder, state_folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return state_folder({"XDG_STATE_HOME": str(tmp_path)})


def test_it_is_made_for_its_user_alone(tmp_path: Path, state: Path) -> None:
    assert state == tmp_path / "tradai-tasks"
    assert state.stat().st_mode & 0o777 == 0o700
    assert scratch_folder(state).stat().st_mode & 0o777 == 0o700
    home = tmp_path / "home"
    # a path that is not absolute counts for nothing, as XDG has it
    found = state_folder({"HOME": str(home), "XDG_STATE_HOME": "here"})
    assert found == home / ".local" / "state" / "tradai-tasks"


def test_the_key_is_made_once(state: Path) -> None:
    key = evidence_key(state)
    assert len(key) == 32
    assert evidence_key(state) == key
    assert [one.name for one in state.iterdir()] == ["evidence.key"]
    assert (state / "evidence.key").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_could_read_is_refused(tmp_path: Path, state: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    state.chmod(0o755)
    with pytest.raises(StateFolderError, match=f"{state}: is no folder that you own .*: chmod 700"):
        state_folder(env)
    state.chmod(0o700)
    state.rename(tmp_path / "elsewhere")
    state.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateFolderError, match="is no folder that you own"):
        state_folder(env)
    state.unlink()
    state.write_text("a file")
    with pytest.raises(StateFolderError, match="cannot be made: File exists; name another place"):
        state_folder(env)


def test_a_key_that_others_could_read_or_have_put_there_is_refused(state: Path) -> None:
    evidence_key(state)
    file = state / "evidence.key"
    file.chmod(0o640)
    with pytest.raises(StateFolderError, match=r"evidence.key: is no key of 32 bytes .*; remove"):
        evidence_key(state)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(StateFolderError, match="is no key of 32 bytes"):
        evidence_key(state)
    file.rename(state / "other")
    file.symlink_to(state / "other")
    with pytest.raises(StateFolderError, match="no key: Too many levels of symbolic links"):
        evidence_key(state)
