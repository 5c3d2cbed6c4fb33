"""Evidence: what is taken, and everything that is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tradai_tasks.errors import EvidenceError
from tradai_tasks.release.evidence import Evidence, Store, Subject, digest_of
from tradai_tasks.release.step import Look

SUBJECT = Subject(tag="momentum-v1.0.0", commit="a" * 40, lock="b" * 64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(folder=tmp_path / "build" / "release" / "momentum-v1.0.0", subject=SUBJECT)


def evidence(**changed: Any) -> Evidence:
    given: dict[str, Any] = {
        "stage": "lint",
        "tag": SUBJECT.tag,
        "commit": SUBJECT.commit,
        "lock": SUBJECT.lock,
        "verdict": "passed",
        "steps": {"momentum": Look(state="done", note="passed", record={"seconds": 1.5})},
        "seconds": 2.0,
    }
    return Evidence(**{**given, **changed})


def test_what_is_written_is_read_back(store: Store) -> None:
    store.write(evidence())
    assert store.require("lint") == evidence()
    assert store.find("lint") == evidence()
    assert evidence().subject == SUBJECT
    assert [path.name for path in sorted(store.folder.iterdir())] == [".gitignore", "lint.json"]
    document = json.loads((store.folder / "lint.json").read_bytes())
    assert document["schema"] == 1
    assert document["steps"]["momentum"]["record"] == {"seconds": 1.5}


def test_files_are_kept_beside_it_with_their_digests(store: Store, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    store.keep("lint", {"old.txt": tmp_path / "one"})
    store.keep("lint", {"charts/one.txt": tmp_path / "one"})
    store.write(evidence())
    held = store.require("lint").files
    assert held == {"charts/one.txt": digest_of([tmp_path / "one"])}
    (store.folder / "lint" / "charts" / "one.txt").write_bytes(b"2")
    with pytest.raises(EvidenceError, match=r"its file 'charts/one.txt' was changed since; run"):
        store.require("lint")
    (store.folder / "lint" / "charts" / "one.txt").unlink()
    with pytest.raises(EvidenceError, match=r"its file 'charts/one.txt' is not in"):
        store.require("lint")
    store.keep("lint", {})
    assert store.find("lint") == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tag": "momentum-v1.0.1"}, "it is of tag 'momentum-v1.0.1', and this release of"),
        ({"commit": "c" * 40}, f"it is of commit '{'c' * 40}', and this release of '{'a' * 40}'"),
        ({"lock": "c" * 64}, f"it is of lock '{'c' * 64}', and this release of"),
        ({"stage": "test"}, "it is that of 'test'"),
        ({"verdict": "failed", "note": "3 faults"}, "it did not pass: 3 faults"),
        ({"steps": {}}, "it passed with nothing done"),
    ],
)
def test_evidence_of_something_else_is_refused(
    store: Store, changed: dict[str, Any], said: str
) -> None:
    store.write(evidence())
    raw = json.loads((store.folder / "lint.json").read_bytes())
    (store.folder / "lint.json").write_text(json.dumps({**raw, **changed}))
    with pytest.raises(EvidenceError) as caught:
        store.require("lint")
    assert str(caught.value).startswith(f"evidence of lint ({store.folder / 'lint.json'}): {said}")
    assert str(caught.value).endswith("nox -s release -- momentum-v1.0.0 --only lint")
    assert str(store.find("lint")).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "it cannot be read"),
        (b"{", "it cannot be read"),
        (b"[]", "it cannot be read"),
        (b"\xff\xfe", "it cannot be read"),
        (b"{}", "it has schema None, and this version of tradai-tasks reads 1"),
        (b'{"schema": 2}', "it has schema 2"),
        (b'{"schema": 1}', "it cannot be read: Object missing required field"),
        (b'{"schema": 1, "stage": 5}', "it cannot be read: Expected `str`"),
    ],
)
def test_what_is_no_evidence_is_refused(store: Store, text: bytes, said: str) -> None:
    store.prepare()
    (store.folder / "lint.json").write_bytes(text)
    with pytest.raises(EvidenceError, match=r"run that stage first: nox -s release") as caught:
        store.require("lint")
    assert said in str(caught.value)


def test_a_file_name_cannot_lead_out_of_the_folder(store: Store) -> None:
    store.write(evidence())
    raw = json.loads((store.folder / "lint.json").read_bytes())
    for name in ("../lint.json", "/etc/passwd", "."):
        (store.folder / "lint.json").write_text(json.dumps({**raw, "files": {name: "x"}}))
        with pytest.raises(EvidenceError, match="is not in"):
            store.require("lint")


def test_absent_evidence_is_an_error(store: Store) -> None:
    assert store.find("lint") == ""
    with pytest.raises(EvidenceError, match=r"there is none for momentum-v1.0.0 .*; run that"):
        store.require("lint")


@pytest.mark.parametrize("place", ["", "momentum-v1.0.0", "artifact", "artifact/momentum-v1.0.0"])
def test_evidence_of_other_jobs_is_taken_over(store: Store, tmp_path: Path, place: str) -> None:
    theirs = Store(folder=tmp_path / "download" / place, subject=SUBJECT)
    (tmp_path / "one").write_bytes(b"1")
    theirs.keep("lint", {"a/b.txt": tmp_path / "one"})
    theirs.write(evidence())
    taken = store.adopt(tmp_path / "download", "lint")
    assert taken == store.require("lint") == theirs.require("lint")
    assert (store.files("lint") / "a" / "b.txt").read_bytes() == b"1"
    assert store.adopt(store.folder, "lint") == taken  # its own folder is left as it is


def test_evidence_of_other_jobs_is_refused_likewise(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "download"
    with pytest.raises(EvidenceError, match=f"evidence of lint: there is none in {home}; run"):
        store.adopt(home, "lint")
    other = dataclasses.replace(SUBJECT, commit="d" * 40)
    Store(folder=home / "one", subject=other).write(evidence(commit="d" * 40))
    with pytest.raises(EvidenceError, match="it is of commit"):
        store.adopt(home, "lint")
    Store(folder=home / "two", subject=SUBJECT).write(evidence())
    with pytest.raises(EvidenceError, match=r"one/lint.json and .*two/lint.json differ; hand"):
        store.adopt(home, "lint")
    assert store.find("lint") == ""


def test_several_locks_have_one_digest(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    one, two = (digest_of([tmp_path / name]) for name in "ab")
    both = digest_of([tmp_path / "a", tmp_path / "b"])
    assert len({one, two, both}) == 3
    assert both != digest_of([tmp_path / "b", tmp_path / "a"])
