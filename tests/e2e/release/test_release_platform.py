"""A platform by one command: wheels, images, lambdas and services; cut anywhere, and run again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform_yard import OLD, STAGES, Place, open_place, released
from tests.support.real import clean_env, edit, git, write
from tests.support.registry import PASSWORD


@pytest.fixture
def place(tmp_path: Path, docker_host: str) -> Iterator[Place]:
    with open_place(tmp_path, docker_host) as made:
        yield made


def test_one_command_releases_a_platform_and_the_second_changes_nothing(place: Place) -> None:
    commit = place.tag("v1.2.0")
    plan = place("v1.2.0", "--dry-run", "--json")
    assert plan.status == 0, plan.text
    steps = json.loads(plan.out)["steps"]
    assert list(dict.fromkeys(step["stage"] for step in steps)) == STAGES
    shown = place("v1.2.0", "--dry-run")
    assert place.writes() == []
    first = place("v1.2.0")
    assert first.status == 0, first.text
    assert first.out.startswith(shown.out)  # the plan that was shown is carried out
    assert "v1.2.0 goes to prod" in first.log
    assert "v1.2.0: complete" in first.log
    released(place, commit)
    place.forget()
    second = place("v1.2.0")
    assert second.status == 0, second.text
    assert "v1.2.0: complete, as before: nothing was changed" in second.log
    assert place.writes() == []
    assert PASSWORD not in first.text + second.text


def test_a_gate_that_fails_ends_it_before_anything_is_changed(place: Place) -> None:
    write(place.home, {"broken": "x"})
    git(place.home, "add", "-A")
    place.tag("v1.2.0")
    result = place("v1.2.0")
    assert result.status == 1
    assert "lint platform: " in result.log
    assert place.writes() == []
    refused = place("v1.2.0", "--from", "deploy-prod")
    assert "evidence of lint" in refused.log
    assert place.writes() == []


def test_a_test_tag_goes_to_dev_and_may_be_released_again(place: Place) -> None:
    for _ in range(2):
        place.tag("v0.0.0-test")
        result = place("v0.0.0-test", "--environment", "prod")
        assert result.status == 0, result.text
        assert "it goes to dev, not prod" in result.log
        digests = place.digests("v0.0.0-test")
        assert place.digests("latest") == digests
        assert place.ecs.clusters["small"]["web"].running == [digests["web"]]
    assert place.ecs.clusters["main"]["web"].running == [OLD]
    assert all(".dev" in name for name in place.index.stored)


def test_killed_at_random_and_run_again_it_is_finished(place: Place) -> None:
    commit = place.tag("v1.2.0")
    dice = random.Random(20261125)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "nox", "-s", "release", "--", "v1.2.0"],
            cwd=place.home,
            env=clean_env(**place.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + dice.uniform(1.0, 12.0)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
    last = place("v1.2.0")
    assert last.status == 0, last.text
    released(place, commit)
    place.forget()
    assert "nothing was changed" in place("v1.2.0").log
    assert place.writes() == []


def test_libraries_go_to_the_environments_own_repository(place: Place) -> None:
    own = "\n[tool.tradai-tasks.deploy.environments.dev.codeartifact]\n"
    own += 'domain = "tradai"\nrepository = "py"\n'
    other = 'codeartifact = { domain = "other", repository = "nowhere" }'
    edit(
        place.home / "pyproject.toml",
        'codeartifact = { domain = "tradai", repository = "py" }',
        other,
    )
    edit(place.home / "pyproject.toml", 'cluster = "small"\n', f'cluster = "small"\n{own}')
    git(place.home, "add", "-A")
    place.tag("v0.0.0-test")
    plan = json.loads(place("v0.0.0-test", "--dry-run", "--json").out)
    assert "publish-dev" in json.dumps(plan)
    wanted = ["lint", "typecheck", "security", "test", "publish-dev"]
    ran = place("v0.0.0-test", *(word for name in wanted for word in ("--only", name)))
    assert ran.status == 0, ran.text
    (name,) = place.index.files
    assert name.startswith("shared-0.0.0.dev")


def test_an_unmapped_tag_and_a_strategys_are_refused(place: Place) -> None:
    place.tag("v1.3.0-rc1")
    result = place("v1.3.0-rc1")
    assert result.status != 0
    assert "v1.3.0-rc1" in result.log
    assert "Traceback" not in result.text
    assert "no strategy is called 'momentum'" in place("momentum-v1.0.0").log
    assert place.writes() == []
