"""The plan of a bump, for every state that a crash can leave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradai_tasks.errors import BadTagError, BumpError, DirtyTreeError, TagExistsError, TasksError
from tradai_tasks.workspace.version_bump import (
    BumpPlan,
    BumpState,
    check_lock,
    plan,
)

FILE = "strategies/momentum/pyproject.toml"
LEFTOVER = "strategies/momentum/.pyproject.toml.4711-0123abcd.tmp"
LOCK = "strategies/momentum/uv.lock"
HEAD = "a" * 40
OTHER = "b" * 40


def pyproject(version: str) -> bytes:
    return f'[project]\nname = "momentum"\nversion = "{version}"  # by bump\n'.encode()


FOUND = BumpState(
    name="momentum",
    slugs=("ml-rsi", "momentum"),
    file=FILE,
    lock=LOCK,
    is_lock_committed=True,
    on_disk=pyproject("1.0.0"),
    at_head=pyproject("1.0.0"),
    before_head=pyproject("1.0.0"),
    head=HEAD,
    subject="Some work",
    dirty=(),
    tags={},
)
# what a bump to 1.1.0 leaves behind when it is interrupted after its commit
COMMITTED = replace(
    FOUND,
    on_disk=pyproject("1.1.0"),
    at_head=pyproject("1.1.0"),
    subject="chore(momentum): bump version to 1.1.0",
)


def refused(error: type[TasksError], found: BumpState, step: str, *, with_tag: bool = False) -> str:
    with pytest.raises(error) as caught:
        plan(found, step, with_tag=with_tag)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_plan_from_a_clean_tree_does_everything() -> None:
    found = plan(FOUND, "minor", with_tag=True)
    assert found == BumpPlan(
        name="momentum",
        old="1.0.0",
        new="1.1.0",
        file=FILE,
        content=pyproject("1.1.0"),
        lock=LOCK,
        commit=(FILE, LOCK),
        message="chore(momentum): bump version to 1.1.0",
        tag="momentum-v1.1.0",
        lines=(
            "momentum 1.0.0 -> 1.1.0",
            f"  edit    {FILE}",
            f"  lock    {LOCK}",
            "  commit  chore(momentum): bump version to 1.1.0",
            "  tag     momentum-v1.1.0",
        ),
    )
    assert not found.is_done


def test_without_the_option_there_is_no_tag_and_without_a_lock_file_none_is_made() -> None:
    found = plan(replace(FOUND, lock=None, is_lock_committed=False), "patch", with_tag=False)
    assert (found.lock, found.tag, found.commit) == (None, None, (FILE,))
    assert [line.split()[0] for line in found.lines] == ["momentum", "edit", "commit"]


def test_a_lock_file_that_git_ignores_is_brought_up_to_date_and_not_committed() -> None:
    found = plan(replace(FOUND, is_lock_committed=False), "patch", with_tag=False)
    assert (found.lock, found.commit) == (LOCK, (FILE,))
    assert f"  lock    {LOCK} (git ignores it: not committed)" in found.lines


def test_a_release_candidate_is_tagged_as_semantic_versioning_writes_it() -> None:
    found = plan(FOUND, "rc", with_tag=True)
    assert (found.new, found.tag) == ("1.1.0rc1", "momentum-v1.1.0-rc1")
    assert found.message == "chore(momentum): bump version to 1.1.0rc1"


@pytest.mark.parametrize("dirty", [(FILE,), (FILE, LOCK), (FILE, LEFTOVER)])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_interrupted_after_the_edit_it_goes_on_with_the_lock(
    dirty: tuple[str, ...], end: bytes
) -> None:
    edited = pyproject("1.1.0").replace(b"\n", end)
    found = plan(replace(FOUND, on_disk=edited, dirty=dirty), "minor", with_tag=True)
    assert (found.content, found.lock, found.commit) == (None, LOCK, (FILE, LOCK))
    assert found.lines[1] == f"  edit    {FILE}: already there"


def test_interrupted_while_writing_it_starts_again() -> None:
    found = plan(replace(FOUND, dirty=(LEFTOVER,)), "minor", with_tag=False)
    assert found.content == pyproject("1.1.0")


@pytest.mark.parametrize("step", ["minor", "1.1.0"])
def test_interrupted_after_the_commit_only_the_tag_is_missing(step: str) -> None:
    found = plan(COMMITTED, step, with_tag=True)
    assert (found.content, found.lock, found.commit) == (None, None, ())
    assert found.tag == "momentum-v1.1.0"
    assert found.lines == (
        "momentum is at 1.1.0",
        f"  edit    {FILE}: already there",
        f"  lock    {LOCK}: already there",
        "  commit  chore(momentum): bump version to 1.1.0: already there",
        "  tag     momentum-v1.1.0",
    )


@pytest.mark.parametrize("step", ["minor", "1.1.0"])
@pytest.mark.parametrize("with_tag", [True, False])
def test_a_bump_that_is_the_last_commit_is_not_made_twice(step: str, with_tag: bool) -> None:
    done = replace(COMMITTED, tags={"momentum-v1.1.0": HEAD})
    found = plan(done if with_tag else COMMITTED, step, with_tag=with_tag)
    assert found.is_done
    assert found.new == "1.1.0"
    assert all(line.endswith("already there") for line in found.lines[1:])


@pytest.mark.parametrize(("step", "new"), [("patch", "1.1.1"), ("rc", "1.2.0rc1"), ("1.2", "1.2")])
def test_another_step_after_a_bump_is_a_new_bump(step: str, new: str) -> None:
    assert plan(COMMITTED, step, with_tag=False).new == new


def test_an_rc_after_an_rc_needs_a_commit_between_or_a_version() -> None:
    last = replace(
        COMMITTED,
        on_disk=pyproject("1.1.0rc2"),
        at_head=pyproject("1.1.0rc2"),
        before_head=pyproject("1.1.0rc1"),
        subject="chore(momentum): bump version to 1.1.0rc2",
    )
    assert plan(last, "rc", with_tag=False).is_done
    assert plan(last, "1.1.0-rc3", with_tag=False).new == "1.1.0rc3"
    assert plan(replace(last, subject="More work"), "rc", with_tag=False).new == "1.1.0rc3"


def test_where_history_ends_at_a_bump_only_an_exact_version_is_taken() -> None:
    shallow = replace(COMMITTED, before_head=None)
    assert refused(BumpError, shallow, "minor") == (
        "momentum: the last commit bumped it to 1.1.0, and history ends there, so it is "
        "unknown whether that was this minor; name the version: nox -s bump -- momentum X.Y.Z"
    )
    assert plan(shallow, "1.1.0", with_tag=True).tag == "momentum-v1.1.0"
    assert plan(shallow, "1.2.0", with_tag=False).new == "1.2.0"


def test_the_version_that_is_there_can_be_tagged() -> None:
    found = plan(FOUND, "1.0.0", with_tag=True)
    assert (found.commit, found.tag) == ((), "momentum-v1.0.0")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("1.0.0", f"momentum: is at 1.0.0 already ({FILE}); choose a higher version"),
        ("1.0", f"momentum: is at 1.0.0 already ({FILE}); choose a higher version"),
        ("0.9.0", f"momentum: 0.9.0 is lower than 1.0.0 ({FILE}); a version only goes up"),
        ("1.0.0-rc1", f"momentum: 1.0.0rc1 is lower than 1.0.0 ({FILE}); a version only goes up"),
    ],
)
def test_a_version_that_does_not_go_up_is_refused(step: str, message: str) -> None:
    assert refused(BumpError, FOUND, step) == message


@pytest.mark.parametrize("with_tag", [True, False])
@pytest.mark.parametrize("commit", [HEAD, OTHER])
def test_a_tag_that_exists_is_refused_whether_it_is_to_be_made_or_not(
    with_tag: bool, commit: str
) -> None:
    found = replace(FOUND, tags={"momentum-v1.1.0": commit})
    assert refused(TagExistsError, found, "minor", with_tag=with_tag) == (
        f"tag momentum-v1.1.0: exists already, on commit {commit[:12]}; choose a higher version "
        f"than 1.1.0"
    )


def test_a_tag_on_another_commit_than_the_bump_is_refused() -> None:
    found = replace(COMMITTED, tags={"momentum-v1.1.0": OTHER})
    assert "exists already, on commit bbbbbbbbbbbb" in refused(
        TagExistsError, found, "minor", with_tag=True
    )


def test_a_dirty_tree_is_refused_and_some_of_it_named() -> None:
    end = "; commit, stash or ignore them first"
    dirty = replace(FOUND, dirty=("README.md",))
    assert refused(DirtyTreeError, dirty, "minor") == f"uncommitted changes in README.md{end}"
    many = replace(FOUND, dirty=tuple("abcdefg"))
    assert refused(DirtyTreeError, many, "minor") == (
        f"uncommitted changes in a, b, c, d, e and 2 more{end}"
    )
    assert "README.md" in refused(
        DirtyTreeError, replace(COMMITTED, dirty=("README.md",)), "minor", with_tag=True
    )


@pytest.mark.parametrize(
    "found",
    [
        replace(FOUND, on_disk=pyproject("1.1.0"), dirty=(FILE, "README.md")),
        replace(FOUND, on_disk=pyproject("1.2.0"), dirty=(FILE,)),
        replace(FOUND, on_disk=pyproject("1.1.0") + b"\n", dirty=(FILE,)),
        replace(FOUND, dirty=(LOCK,)),
    ],
)
def test_only_this_bumps_own_edit_passes_for_an_interrupted_one(found: BumpState) -> None:
    refused(DirtyTreeError, found, "minor")


def test_a_package_that_is_not_committed_is_refused() -> None:
    new = replace(FOUND, at_head=None, before_head=None, dirty=(FILE,))
    assert f"uncommitted changes in {FILE}" in refused(DirtyTreeError, new, "minor")
    ignored = replace(new, dirty=())
    assert refused(BumpError, ignored, "minor") == f"{FILE}: not committed; commit it first"


def test_a_package_of_a_platform_has_no_tag_of_its_own() -> None:
    library = replace(FOUND, name="tradai-common", slugs=())
    assert plan(library, "minor", with_tag=False).message == (
        "chore(tradai-common): bump version to 1.1.0"
    )
    assert refused(BumpError, library, "minor", with_tag=True) == (
        "--tag: only a strategy has a tag of its own; here v<version> releases the whole platform, "
        "whatever version tradai-common has; bump it without --tag"
    )


def test_a_folder_that_no_tag_can_name_is_found_before_anything_is_done() -> None:
    odd = replace(FOUND, name="my strategy", slugs=("my strategy",))
    assert "'my strategy-v1.1.0': no release tag" in refused(
        BadTagError, odd, "minor", with_tag=True
    )


LOCKED = b"""\
version = 1
[[package]]
name = "momentum"
version = "1.0.0"
source = { editable = "." }
[[package]]
name = "numpy"
version = "2.0.0"
"""


def test_a_lock_may_change_in_the_packages_version_alone() -> None:
    raised = LOCKED.replace(b'"1.0.0"', b'"1.1.0"')
    check_lock(LOCKED, raised, name="momentum", file=LOCK)
    check_lock(LOCKED, LOCKED, name="momentum", file=LOCK)
    # uv itself writes its markers in another order when it locks again
    markers = [b"sys_platform == 'win32'", b"sys_platform != 'win32'"]
    before, after = (
        text.replace(b"version = 1\n", b'version = 1\nresolution-markers = ["%b", "%b"]\n' % order)
        for text, order in ((LOCKED, tuple(markers)), (raised, tuple(markers[::-1])))
    )
    check_lock(before, after, name="momentum", file=LOCK)
    with pytest.raises(BumpError) as caught:
        check_lock(LOCKED, raised.replace(b"2.0.0", b"2.0.1"), name="momentum", file=LOCK)
    assert str(caught.value) == (
        f"{LOCK}: more than the version of momentum changed, so it was out of date before; run "
        f"nox -s lock and commit the result, then bump"
    )
