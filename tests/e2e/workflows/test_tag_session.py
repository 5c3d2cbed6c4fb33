"""`tag`: the release that a CI event asks for, on real repositories and events."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.inprocess import InProcess, run
from tests.support.tag_hub import RULES, Hub, refused

__all__ = ["run"]


@pytest.fixture
def hub(run: InProcess) -> Hub:
    return Hub(run)


def test_the_tag_of_a_workflow_run_is_not_what_github_ref_name_says(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    ran = hub.after_ci("v1.2.0", sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down() == {
        "tag": "v1.2.0",  # images were once tagged `main`, as GITHUB_REF_NAME has it here
        "version": "1.2.0",
        "environment": "staging",
        "commit": sha,
    }


def test_a_test_tag_goes_to_dev_whatever_is_asked_for(hub: Hub) -> None:
    sha = hub.tag("v0.0.0-test")
    ran = hub.after_ci("v0.0.0-test", sha, "--environment", "prod")
    assert ran.status == 0, ran.log
    assert hub.handed_down()["environment"] == "dev"


def test_a_tag_that_no_rule_maps_goes_nowhere(hub: Hub) -> None:
    """Deployments once went to an environment that nobody had ever provisioned."""
    ran = hub.after_ci("v1.2.0-rc1", hub.tag("v1.2.0-rc1"))
    assert ran.status != 0
    assert "tag v1.2.0-rc1: no rule says to which environment it goes" in ran.log
    assert hub.handed_down() == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"conclusion": "failure"}, "its run did not succeed"),
        ({"event": "pull_request"}, "its run was not of a push"),
        ({"head_repository": {"full_name": "mallory/tradai-uv"}}, "was of another repository"),
        ({"head_repository": None}, "was of another repository"),
        ({"head_sha": "f" * 40}, "but the CI event is of ffffffffffff"),
        ({"head_branch": "v1.2.0; rm -rf /"}, "tag "),
        ({"head_branch": "main"}, "tag "),
        ({"head_branch": "v9.9.9"}, "tag v9.9.9: no such tag in this clone"),
        ({"head_branch": "v1.2.0\n"}, "'v1.2.0\\n': no release tag; expected"),
        ({"head_branch": "v1.2.0\nenvironment=prod"}, "no release tag; expected"),
        ({"head_branch": "refs/tags/v1.2.0"}, "its head_branch is no tag's name"),
        ({"head_branch": "v1.2.\u0660"}, "'v1.2.\\u0660': no release tag"),
        ({"head_branch": "v1.2.0$(id)"}, "no release tag"),
        ({"head_branch": "--help"}, "'--help': no release tag"),
        ({"head_branch": "../v1.2.0"}, "no release tag"),
        ({"head_branch": ["v1.2.0"]}, "names no head_branch and head_sha"),
        ({"head_sha": "HEAD"}, "names no head_branch and head_sha"),
        ({"head_sha": f"{'a' * 40}\n"}, "names no head_branch and head_sha"),
    ],
)
def test_an_event_that_is_not_to_be_trusted(hub: Hub, given: dict[str, Any], message: str) -> None:
    ran = hub.after_ci("v1.2.0", hub.tag("v1.2.0"), **given)
    assert ran.status != 0
    assert message in ran.log
    assert "Traceback" not in ran.log
    assert ran.log.count("\nnox > Session tag aborted: ") == 1
    assert hub.handed_down() == {}


def test_a_tag_of_files_alone(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    hub.repo.git("tag", "-f", "-a", "-m", "Files", "v1.2.0", "HEAD^{tree}")
    ran = hub.after_ci("v1.2.0", sha)
    assert ran.status != 0
    assert "tag v1.2.0: is of no commit but of files alone" in ran.log
    assert hub.handed_down() == {}


def test_what_stands_in_for_a_commit_does_not_put_it_on_main(hub: Hub) -> None:
    main = hub.repo.git("rev-parse", "HEAD")
    tree = hub.repo.git("rev-parse", "HEAD^{tree}")
    foreign = hub.repo.git("commit-tree", tree, "-m", "Never merged")
    hub.repo.git("tag", "v1.2.0", foreign)
    hub.repo.git("replace", "--graft", main, foreign)
    ran = hub.after_ci("v1.2.0", foreign)
    assert ran.status != 0
    assert "is not on" in ran.log
    hub.repo.git("replace", "-d", main)
    (hub.repo.path / ".git" / "info").mkdir(exist_ok=True)
    (hub.repo.path / ".git" / "info" / "grafts").write_text(f"{main} {foreign}\n")
    ran = hub.after_ci("v1.2.0", foreign)
    assert ran.status != 0
    assert "is not on" in ran.log


def test_a_branch_of_that_name(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    hub.repo.git("branch", "v1.2.0", "main")
    ran = hub.after_ci("v1.2.0", sha)
    assert ran.status != 0
    assert "a branch has the same name" in ran.log


def test_the_push_of_a_tag(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    ran = hub("push", {"ref": "refs/tags/v1.2.0"}, ref="refs/tags/v1.2.0", sha=sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down()["tag"] == "v1.2.0"


def test_a_tag_by_hand(hub: Hub) -> None:
    hub.tag("v1.2.0")
    ran = hub.dispatched("v1.2.0", "--environment", "prod")
    assert ran.status == 0, ran.log
    assert hub.handed_down()["environment"] == "prod"


def test_another_tag_than_the_events(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    hub.tag("v1.1.0")
    ran = hub.after_ci("v1.2.0", sha, "v1.1.0")
    assert ran.status != 0
    assert "tag v1.1.0: the workflow_run event is of tag v1.2.0" in ran.log


def test_a_dispatch_without_a_tag(hub: Hub) -> None:
    ran = hub.dispatched("--environment", "dev")
    assert ran.status == 0, ran.log
    expected = {"tag": "", "version": "", "environment": "dev", "commit": hub.repo.head}
    assert hub.handed_down() == expected
    unknown = hub.dispatched("--environment", "porduction")
    assert "environment 'porduction': there is none; known are dev" in unknown.log
    nothing = hub.dispatched("--environment", "")
    assert "tag: the CI event names no tag; give one: nox -s tag -- v1.2.0" in nothing.log


def test_a_dispatch_on_another_branch_than_the_default_one(hub: Hub) -> None:
    hub.tag("v1.2.0")
    hub.repo.switch("feature", "main")
    sha = hub.repo.commit({"README.md": "A change\n"})
    for args in (
        ("--environment", "dev"),
        ("v1.2.0", "--environment", "prod"),
        ("--dispatch", "dev"),
    ):
        ran = hub.dispatched(*args, ref="refs/heads/feature")
        assert ran.status != 0
        assert "a dispatch on 'feature' deploys nothing to '" in ran.log
        assert "only the default branch ('main') may; dispatch it there" in ran.log
        assert hub.handed_down() == {}
    # a tag, or a branch below the name of the default one, is not that either
    for ref in ("refs/tags/v1.2.0", "refs/heads/main/x", "refs/heads/refs/heads/main", ""):
        assert hub.dispatched("--dispatch", "dev", ref="main").status != 0
        ran = hub("workflow_dispatch", {"repository": {"default_branch": "main"}},
                  "--dispatch", "dev", ref=ref)  # fmt: skip
        assert "deploys nothing to 'dev'" in ran.log
    ran = hub("workflow_dispatch", {}, "--dispatch", "dev", ref="refs/heads/main")
    assert "('missing in the event') may" in ran.log
    assert hub.dispatched("--dispatch", "").status != 0
    setting = '\n[tool.tradai-tasks.workflows]\nbranch-environments = ["dev"]\n'
    file = hub.repo.path / "pyproject.toml"
    hub.repo.commit({"pyproject.toml": file.read_text() + setting})
    ran = hub.dispatched("--environment", "dev", ref="refs/heads/feature", sha=sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down()["commit"] == sha
    assert hub.dispatched("--environment", "prod", ref="refs/heads/feature").status != 0


def test_a_dispatch_hands_down_the_commit_that_it_is_of(hub: Hub) -> None:
    """The guard's work tree is the default branch's, which may have gone on meanwhile."""
    sha = hub.repo.head
    hub.repo.commit({"README.md": "main went on\n"})
    ran = hub.dispatched("--environment", "dev", sha=sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down()["commit"] == sha
    gone = hub.dispatched("--environment", "dev", sha="f" * 40)
    assert f"commit {'f' * 40}: is not in this clone" in gone.log
    unsaid = hub.dispatched("--environment", "dev", sha="main")
    assert "names no commit (GITHUB_SHA), so nothing is deployed" in unsaid.log


def test_the_work_tree_says_nothing_of_the_tag(hub: Hub) -> None:
    sha = hub.tag("v1.2.0")
    hub.repo.commit({"README.md": "main went on\n", "pyproject.toml": "not = [toml"})
    hub.repo.write({"pyproject.toml": f'[project]\nname = "a"\n{RULES}', "untracked": "x"})
    ran = hub.after_ci("v1.2.0", sha)
    assert ran.status == 0, ran.log
    assert hub.handed_down()["commit"] == sha


def test_an_annotated_tag_of_a_tag(hub: Hub) -> None:
    sha = hub.repo.head
    hub.repo.git("tag", "-a", "-m", "one", "inner")
    hub.repo.git("tag", "-a", "-m", "two", "v1.2.0", "inner")
    assert hub.after_ci("v1.2.0", sha).status == 0
    assert hub.handed_down()["commit"] == sha
    hub.repo.git("tag", "v1.3.0", "HEAD^{tree}")
    refused(hub, "v1.3.0", sha, "tag v1.3.0: is of no commit but of files alone")


def test_a_shallow_clone_proves_nothing(hub: Hub, tmp_path: Path) -> None:
    hub.repo.commit()
    sha = hub.tag("v1.2.0")
    shallow = hub.repo.checkout_action(tmp_path / "shallow", sha, "refs/tags/v1.2.0")
    shutil.copy(hub.repo.path / "noxfile.py", shallow.path)
    hub.run.home = shallow.path
    refused(hub, "v1.2.0", sha, "this clone is shallow, so nothing can be proved in it; fetch")


def test_a_tag_that_is_named_like_the_main_branch(hub: Hub, tmp_path: Path) -> None:
    """Git takes `refs/tags/refs/remotes/origin/release` where there is no such branch."""
    hub.repo.commit({"pyproject.toml": (hub.repo.path / "pyproject.toml").read_text()
                     + '\n[tool.tradai-tasks.release]\nbranch = "release"\n'})  # fmt: skip
    hub.repo.switch("feature", "main")
    sha = hub.repo.commit({"README.md": "never merged\n"})
    hub.repo.git("tag", "v1.2.0")
    hub.repo.git("tag", "refs/remotes/origin/release")
    hub.repo.git("tag", "refs/heads/release")
    clone = hub.repo.checkout_action(tmp_path / "clone", hub.repo.sha("main"), "", depth=0)
    shutil.copy(hub.repo.path / "noxfile.py", clone.path)
    hub.run.home = clone.path
    refused(hub, "v1.2.0", sha, "there is no main branch to find it on (release)")


def test_a_version_on_an_old_commit(hub: Hub) -> None:
    old = hub.repo.head
    hub.repo.commit()
    hub.tag("v1.2.0")
    hub.repo.commit()
    for name, said in (
        ("v99.0.0", "its version is above 2.x"),
        ("v100.0.0", "its version is above 2.x"),
        ("v1.3.0", "a later commit has v1.2.0, so this one's version must be lower"),
    ):
        hub.repo.git("tag", name, old)
        refused(hub, name, old, said)
    newest = hub.repo.head
    hub.repo.git("tag", "v1.1.0", newest)
    refused(hub, "v1.1.0", newest, "an earlier commit has v1.3.0 already")  # which was refused
    hub.repo.git("tag", "-d", "v1.3.0")
    refused(hub, "v1.1.0", newest, "an earlier commit has v1.2.0 already")
    hub.repo.git("tag", "v1.4.0", newest)
    assert hub.after_ci("v1.4.0", newest).status == 0
    hub.repo.git("tag", "v1.1.0", old, "--force")
    assert hub.after_ci("v1.1.0", old).status == 0


def test_a_prerelease_that_becomes_the_release(hub: Hub) -> None:
    """Both tags are at one commit, and CI may be run again for either."""
    sha = hub.tag("v1.2.0-beta1")
    hub.repo.git("tag", "-a", "-m", "Released", "v1.2.0")
    hub.repo.commit()
    hub.tag("v1.2.1")
    assert hub.after_ci("v1.2.0", sha).status == 0
    ran = hub.after_ci("v1.2.0-beta1", sha, "--environment", "dev")
    assert ran.status == 0, ran.log


def test_the_version_of_the_tagged_commit_and_not_of_the_work_tree(hub: Hub) -> None:
    built = '\n[build-system]\nrequires = ["uv_build"]\n'
    text = (hub.repo.path / "pyproject.toml").read_text()
    old = hub.repo.commit({"pyproject.toml": text.replace('"1.0"', '"0.1"') + built})
    hub.repo.git("tag", "v0.1.0")
    hub.repo.git("tag", "v99.0.0")
    hub.repo.commit({"pyproject.toml": text.replace('"1.0"', '"99.0.0"') + built})
    refused(
        hub,
        "v99.0.0",
        old,
        "tag v99.0.0: is for version 99.0.0, but pyproject.toml has version '0.1'",
    )
    assert hub.after_ci("v0.1.0", old).status == 0
    hub.repo.git("tag", "v0.0.0-test", old)
    assert hub.after_ci("v0.0.0-test", old).status == 0
    assert hub.handed_down()["environment"] == "dev"


def test_a_commit_that_cannot_be_read(hub: Hub) -> None:
    text = (hub.repo.path / "pyproject.toml").read_text()
    broken = hub.repo.commit({"pyproject.toml": "not = [toml"})
    hub.repo.git("tag", "v1.2.0")
    hub.repo.commit({"pyproject.toml": text})
    refused(hub, "v1.2.0", broken, f"tag v1.2.0: its commit {broken[:12]} cannot be read: pyproj")
