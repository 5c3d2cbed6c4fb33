"""Evidence: what is taken, and everything that is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradai_tasks.errors import EvidenceError
from tradai_tasks.release.engine.evidence import Evidence, Store, Subject, digest_of
from tradai_tasks.release.engine.step import Look

KEY = b"k" * 32
SUBJECT = Subject(tag="momentum-v1.0.0", commit="a" * 40, lock="b" * 64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return opened(tmp_path / "build" / "release" / "momentum-v1.0.0")


def opened(folder: Path, **changed: Any) -> Store:
    """The store as a further run opens it: it knows nothing but what the folder holds."""
    return Store(folder=folder, **{"subject": SUBJECT, "key": KEY, **changed})


def signed(document: dict[str, Any]) -> str:
    """A record as a release with the key would write it."""
    body = {name: value for name, value in document.items() if name != "mac"}
    text = msgspec.json.encode(body, order="deterministic")
    return json.dumps({**body, "mac": hmac.digest(KEY, text, "sha256").hex()})


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
    assert [path.name for path in sorted(store.folder.iterdir())] == [".gitignore", "lint.json"]
    document = json.loads((store.folder / "lint.json").read_bytes())
    assert document["schema"] == 2
    again = opened(store.folder)
    assert again.require("lint") == evidence()
    assert document["steps"]["momentum"]["record"] == {"seconds": 1.5}


def test_files_are_kept_with_it_with_their_digests(store: Store) -> None:
    store.keep("lint", {"old.txt": b"1"})
    store.keep("lint", {"charts/one.txt": b"1"})
    store.write(evidence())
    assert store.require("lint").files == {"charts/one.txt": hashlib.sha256(b"1").hexdigest()}
    assert store.contents("lint") == {"charts/one.txt": b"1"}
    file = store.folder / "lint" / "charts" / "one.txt"
    file.write_bytes(b"2")
    with pytest.raises(EvidenceError, match=r"its file 'charts/one.txt' was changed since in"):
        store.contents("lint")
    with pytest.raises(EvidenceError, match=r"its file 'charts/one.txt' was changed since; run"):
        opened(store.folder).require("lint")
    file.unlink()
    with pytest.raises(EvidenceError, match=r"its file 'charts/one.txt' is not in"):
        opened(store.folder).require("lint")
    (store.folder / "elsewhere").write_bytes(b"1")
    file.symlink_to(store.folder / "elsewhere")
    with pytest.raises(EvidenceError, match=r"its file 'charts/one.txt' is not in"):
        opened(store.folder).require("lint")
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
    (store.folder / "lint.json").write_text(signed({**raw, **changed}))
    store = opened(store.folder)
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
        (b"{}", "it has schema None, and this version of tradai-tasks reads 2"),
        (b'{"schema": 1}', "it has schema 1"),
        (signed({"schema": 2}).encode(), "it cannot be read: Object missing required field"),
        (signed({"schema": 2, "stage": 5}).encode(), "it cannot be read: Expected `str`"),
        (b'{"schema": 2}', "it was not written by a release of this user on this machine: its"),
    ],
)
def test_what_is_no_evidence_is_refused(store: Store, text: bytes, said: str) -> None:
    store.prepare()
    (store.folder / "lint.json").write_bytes(text)
    with pytest.raises(EvidenceError, match=r"run that stage first: nox -s release") as caught:
        store.require("lint")
    assert said in str(caught.value)


def test_no_link_that_a_gate_has_put_there_is_followed(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    store.prepare()
    (store.folder / "lint").symlink_to(outside)
    store.keep("lint", {"report.html": b"1"})
    store.write(evidence())
    assert not list(outside.iterdir())
    (outside / "report.html").write_bytes(b"1")
    (store.folder / "lint" / "report.html").unlink()
    (store.folder / "lint").rmdir()
    (store.folder / "lint").symlink_to(outside)
    with pytest.raises(EvidenceError, match="was changed since"):
        store.contents("lint")


def test_a_file_name_cannot_lead_out_of_the_folder(store: Store) -> None:
    store.write(evidence())
    raw = json.loads((store.folder / "lint.json").read_bytes())
    for name in ("../lint.json", "/etc/passwd", "."):
        (store.folder / "lint.json").write_text(signed({**raw, "files": {name: "x"}}))
        with pytest.raises(EvidenceError, match="is not in"):
            opened(store.folder).require("lint")


def test_absent_evidence_is_an_error(store: Store) -> None:
    assert store.find("lint") == ""
    with pytest.raises(EvidenceError, match=r"there is none for momentum-v1.0.0 .*; run that"):
        store.require("lint")


def forged(store: Store, stage: str = "lint") -> None:
    """Write what a gate can: a record that fits in all, without the key."""
    other = opened(store.folder, key=b"x" * 32)
    other.keep(stage, {"report.html": b"<p>"})
    other.write(evidence(stage=stage))


def test_a_record_that_was_written_without_the_key_is_refused(store: Store) -> None:
    forged(store)
    said = "it was not written by a release of this user on this machine: its `mac` is not"
    assert str(store.find("lint")).startswith(said)
    opened(store.folder, key=None).require("lint")  # all else fits
    changes: list[dict[str, Any]] = [
        {"note": "x"}, {"seconds": 3.0}, {"files": {}}, {"mac": None}, {"mac": "é"},
    ]  # fmt: skip
    for change in changes:
        opened(store.folder).write(evidence())
        raw = json.loads((store.folder / "lint.json").read_bytes())
        (store.folder / "lint.json").write_text(json.dumps({**raw, **change}))
        found = opened(store.folder).find("lint")
        assert (found == evidence()) if change == {"files": {}} else str(found).startswith(said)


def test_a_machine_that_cannot_keep_a_key_says_so(store: Store) -> None:
    forged(store)
    found = opened(store.folder, unkept="this machine cannot keep the key").find("lint")
    assert str(found).endswith("on this machine: this machine cannot keep the key")


def test_what_a_gate_has_written_is_not_handed_over(store: Store, tmp_path: Path) -> None:
    store.load(["lint", "test", "typecheck", "gone"])
    store.write(evidence())
    store.write(evidence(stage="test", verdict="failed", note="1 failed"))
    for stage in ("test", "typecheck"):
        forged = opened(store.folder, key=b"another key")
        forged.write(evidence(stage=stage))
    (store.folder / "broken.json").write_text("{")
    assert store.drop_forged(["lint", "test", "typecheck", "gone", "broken"]) == (
        "test",
        "typecheck",
    )
    later = opened(tmp_path / "later", key=b"of another machine")
    assert later.adopt(store.folder, "lint") == evidence()
    for stage in ("test", "typecheck"):
        with pytest.raises(EvidenceError, match="there is none"):
            later.adopt(store.folder, stage)


def test_what_is_written_while_gates_run_is_not_read(store: Store) -> None:
    store.write(evidence())
    run = opened(store.folder)
    run.load(["lint", "test"])
    # even with the key, as another process of the same user has it
    opened(store.folder).write(evidence(stage="test"))
    opened(store.folder).write(evidence(verdict="failed", note="forged"))
    assert run.find("test") == ""
    assert run.find("lint") == evidence()


def test_its_own_folder_is_not_another_jobs(store: Store) -> None:
    forged(store)
    with pytest.raises(EvidenceError, match="it was not written by a release of this user"):
        store.adopt(store.folder.parent, "lint")


@pytest.mark.parametrize("place", ["", "momentum-v1.0.0", "artifact", "artifact/momentum-v1.0.0"])
def test_evidence_of_other_jobs_is_taken_over(store: Store, tmp_path: Path, place: str) -> None:
    theirs = opened(tmp_path / "download" / place, key=b"another machine's".ljust(32))
    theirs.keep("lint", {"a/b.txt": b"1"})
    theirs.write(evidence())
    taken = store.adopt(tmp_path / "download", "lint")
    assert taken == store.require("lint") == theirs.require("lint")
    assert store.contents("lint") == {"a/b.txt": b"1"}
    assert opened(store.folder).require("lint") == taken  # it has this machine's key from now on
    assert store.adopt(store.folder, "lint") == taken  # its own folder is left as it is


def test_evidence_of_other_jobs_is_refused_likewise(store: Store, tmp_path: Path) -> None:
    home = tmp_path / "download"
    with pytest.raises(EvidenceError, match=f"evidence of lint: there is none in {home}; run"):
        store.adopt(home, "lint")
    other = dataclasses.replace(SUBJECT, commit="d" * 40)
    opened(home / "one", subject=other).write(evidence(commit="d" * 40))
    with pytest.raises(EvidenceError, match="it is of commit"):
        store.adopt(home, "lint")
    opened(home / "two").write(evidence())
    with pytest.raises(EvidenceError, match=r"one/lint.json and .*two/lint.json differ; hand"):
        store.adopt(home, "lint")
    assert store.find("lint") == ""


def test_several_locks_have_one_digest(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(f"version = '{name}'")
    one, two = (digest_of([tmp_path / name]) for name in "ab")
    both = digest_of([tmp_path / "a", tmp_path / "b"])
    assert len({one, two, both}) == 3
    assert both != digest_of([tmp_path / "b", tmp_path / "a"])
