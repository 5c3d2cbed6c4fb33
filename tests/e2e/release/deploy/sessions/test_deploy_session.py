"""`deploy` and `lambdas` by nox: a real registry, a real engine, loopback ECS and Lambda."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.deploy_place import Deployed
from tests.support.ecs import Service
from tests.support.real import clean_env, git


def test_a_release_is_deployed_where_its_tag_goes(deployed: Deployed) -> None:
    place = deployed.place
    dry = place("deploy", "v1.2.0", "--dry-run", "--json")
    assert dry.status == 0, dry.log
    steps = json.loads(dry.out)["steps"]
    assert [(one["stage"], one["step"], one["state"]) for one in steps] == [
        ("deploy-prod", "backend", "to do"),
        ("deploy-prod", "web", "to do"),
    ]
    assert "v1.2.0 goes to prod" in dry.log
    assert place.ecs.count("UpdateService") == 0
    first = place("deploy", "v1.2.0")
    assert first.status == 0, first.log
    assert deployed.backend.running == [deployed.new] * 2
    assert (deployed.backend.started, deployed.web.started) == (1, 1)
    second = place("deploy", "v1.2.0")
    assert second.status == 0, second.log
    assert "nothing was changed" in second.log
    assert place.ecs.count("UpdateService") == 2
    assert place.front.writes() == []


def test_only_what_differs_is_deployed(deployed: Deployed) -> None:
    place = deployed.place
    assert place("deploy", "v1.2.0", "--only", "web").status == 0
    assert (deployed.backend.started, deployed.web.started) == (0, 1)
    assert place("deploy", "v1.2.0").status == 0
    assert (deployed.backend.started, deployed.web.started) == (1, 1)


def test_a_roll_back_moves_latest_on_purpose(deployed: Deployed) -> None:
    place = deployed.place
    assert place("deploy", "v1.2.0").status == 0
    refused = place("deploy", "v1.1.0")
    assert refused.status == 1
    assert "nox -s deploy -- v1.1.0 --rollback" in " ".join(refused.log.split())
    assert place.front.writes() == []
    dry = place("deploy", "v1.1.0", "--rollback", "--dry-run")
    assert dry.status == 0, dry.log
    assert place.front.writes() == []
    back = place("deploy", "v1.1.0", "--rollback")
    assert back.status == 0, back.log
    assert deployed.backend.running == [deployed.old] * 2
    assert place.resolve(f"{place.repository('backend')}:latest") == deployed.old
    # no layer was sent, only two manifests
    assert [one[1].rpartition("/")[2] for one in place.front.writes()] == ["latest", "latest"]
    again = place("deploy", "v1.1.0", "--rollback")
    assert "nothing was changed" in again.log


def test_services_and_clusters_that_are_not_there(deployed: Deployed) -> None:
    place = deployed.place
    del place.ecs.clusters["main"]["web"]
    missing = place("deploy", "v1.2.0")
    assert missing.status == 1
    assert "cluster main has no ECS service 'web'" in missing.log
    assert place.ecs.count("UpdateService") == 0  # nothing acts before all could be told
    place.ecs.clusters["small"] = {}
    dev = place("deploy", "v1.2.0", "--environment", "dev")
    assert dev.status == 0, dev.log
    assert dev.out.count("skipped") >= 2
    stage = place("deploy", "v1.2.0", "--environment", "staging")
    assert stage.status == 1
    assert "ECS has no cluster 'stage'" in stage.log


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["v2.0.0"], "tag v2.0.0: no rule says to which environment it goes"),
        (["v9.9.9"], "no such tag in this clone"),
        (["v1.2.0", "--environment", "prd"], "did you mean 'prod'?"),
        (["v1.2.0", "--only", "wep"], "--only wep: no such image; did you mean 'web'?"),
        (["main"], "no release tag"),
        (["v1.2.0", "--environment", ""], "--environment: is empty; name one"),
        ([], "which tag?"),
        (["v1.3.0"], "v1.3.0 is not in the registry; push it first: nox -s images -- v1.3.0"),
    ],
)
def test_what_is_refused(deployed: Deployed, args: list[str], said: str) -> None:
    deployed.place.tag("v2.0.0")
    deployed.place.tag("v1.3.0")
    ran = deployed.place("deploy", *args)
    assert ran.status == 1
    assert said in " ".join(ran.log.split())
    assert deployed.place.ecs.count("UpdateService") == 0


def test_a_plan_names_all_that_is_in_the_way_at_once(deployed: Deployed) -> None:
    place = deployed.place
    missing = place("deploy", "v1.9.0", "--dry-run")
    said = " ".join(missing.log.split())
    assert missing.status == 1
    assert "tag v1.9.0: no such tag in this clone" in said
    assert "v1.9.0 is not in the registry; push it first: nox -s images -- v1.9.0" in said
    place.push("backend", "v1.9.0", of=("1.9.0", "a" * 40))  # from another clone, which has the tag
    assert "the tag was moved" not in place("deploy", "v1.9.0", "--dry-run").log
    place.tag("v2.0.0")
    git(place.home, "branch", "v2.0.0")
    for session in ("deploy", "lambdas"):
        refused = place(session, "v2.0.0", "--dry-run")
        said = " ".join(refused.log.split())
        assert refused.status == 1
        assert "a branch has the same name" in said
        assert "tag v2.0.0: no rule says to which environment it goes" in said
    (place.home / "lambdas/gaps/handler.py").write_text("def run(): ...\n")
    (place.home / "uv.lock").unlink()
    several = place("lambdas", "v9.9.9", "--dry-run", "--environment", "staging")
    said = " ".join(several.log.split())
    assert several.status == 1
    for fault in ("no such tag in this clone", "uncommitted changes in lambdas/", "no such lock"):
        assert fault in said
    assert "functions-staging" in several.out  # the plan is shown all the same
    assert place.functions.count("UpdateFunctionCode") == 0


def test_what_git_takes_for_a_commit_is_no_tag(deployed: Deployed) -> None:
    """`git rev-parse refs/tags/v1.2.0-gabc1234` is commit abc1234, tag or no tag."""
    short = git(deployed.place.home, "rev-parse", "--short=7", "HEAD")
    for session in ("deploy", "images", "lambdas", "release"):
        ran = deployed.place(session, f"v1.2.0-g{short}")
        assert ran.status == 1
        assert "no such tag in this clone" in ran.log or "which `release` cannot do" in ran.log


def test_a_test_tag_goes_to_dev_whatever_is_said(deployed: Deployed) -> None:
    place = deployed.place
    place.tag("v0.0.0-test")
    place.push("backend", "v0.0.0-test", "latest")
    place.push("web", "v0.0.0-test", "latest")
    dev = place.ecs.add(
        "small",
        Service(name="web", image=f"{place.repository('web')}:latest"),
        running=deployed.old,
    )
    ran = place("deploy", "v0.0.0-test", "--environment", "prod")
    assert ran.status == 0, ran.log
    assert "v0.0.0-test is a test tag: it goes to dev, not prod" in ran.log
    assert (dev.started, deployed.backend.started, deployed.web.started) == (1, 0, 0)


def test_a_failed_roll_out_fails_and_the_next_run_finishes(deployed: Deployed) -> None:
    place = deployed.place
    deployed.backend.fate = "revert"
    ran = place("deploy", "v1.2.0")
    assert ran.status == 1
    assert "circuit breaker: rolling back" in " ".join(ran.log.split())
    assert "fix that and run the same again" in ran.log
    again = place("deploy", "v1.2.0")
    assert again.status == 0, again.log
    assert (deployed.backend.started, deployed.web.started) == (2, 1)


def test_a_run_that_is_killed_while_it_waits_is_finished_by_the_next(deployed: Deployed) -> None:
    place = deployed.place
    deployed.backend.fate = deployed.web.fate = "stuck"
    argv = [sys.executable, "-m", "nox", "-s", "deploy", "--", "v1.2.0"]
    environ = {
        **clean_env(),
        **{name: said for name, said in os.environ.items() if name.startswith(("AWS_", "E", "RE"))},
    }
    child = subprocess.Popen(
        argv, cwd=place.home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    for _ in range(1200):
        if (deployed.backend.started, deployed.web.started) == (1, 1) or child.poll() is not None:
            break
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGKILL)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, out.decode()
    assert (deployed.backend.started, deployed.web.started) == (1, 1)
    for service in (deployed.backend, deployed.web):
        service.fate = "good"
        service.primary.age = min(service.primary.age, 1)
    ran = place("deploy", "v1.2.0")
    assert ran.status == 0, ran.log
    assert (deployed.backend.started, deployed.web.started) == (1, 1)  # not started twice
    assert deployed.backend.running == [deployed.new] * 2
