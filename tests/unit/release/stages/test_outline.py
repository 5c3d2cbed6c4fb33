"""The stages of a release, from the repository and the tag alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.project import DictTree, pyproject
from tradai_tasks.errors import BadArgumentsError, BadTagError, SettingsError, UnmappedTagError
from tradai_tasks.release.stages.outline import (
    GateOutline,
    ImagesOutline,
    ModelOutline,
    Outline,
    PublishOutline,
    ServicesOutline,
    SessionsOf,
    deployment,
    environment_for,
    images_alone,
    lambdas_alone,
    release_outline,
    strategy_release,
)
from tradai_tasks.release.tags.target_environment import environment_named
from tradai_tasks.repository import Repository, base_of, read_repository
from tradai_tasks.settings.deploy import DeploySettings
from tradai_tasks.workspace.tags import parse_tag

SESSIONS = (
    "lint(momentum)", "lint(other)", "test-3.11(momentum)", "test-3.12(momentum)",
    "typecheck(momentum)", "backtest-full(momentum)", "security", "lint", "test-3.11(a)", "test(b)",
)  # fmt: skip
SERVICE = {"services/api/Dockerfile": ""}
LAMBDAS = {"lambdas/in/Dockerfile": ""}
BASE = {"lambdas/base/Dockerfile": ""}
LIBRARY = {"libs/l/pyproject.toml": pyproject("tradai-strategy", "[build-system]\n")}
DEPLOYS = (
    "[tool.tradai-tasks.deploy.environments.prod]\ncluster = 'c'\n"
    "[tool.tradai-tasks.deploy.environments.dev]\ncluster = 'd'\n"
    "[[tool.tradai-tasks.deploy.tags]]\nkind = 'release'\nenvironment = 'prod'\n"
)
OWN_INDEX = (
    "[tool.tradai-tasks.deploy.environments.prod.codeartifact]\n"
    "domain = 'd'\nrepository = 'r'\nowner = '123456789012'\nregion = 'eu-central-1'\n"
)


def repository(files: dict[str, str], settings: str = "") -> Repository:
    members = "[tool.uv.workspace]\nmembers = ['libs/*', 'strategies/*']\n"
    top = pyproject("own", f"{members}{settings}")
    return read_repository(Path("/r"), DictTree({"pyproject.toml": top, "own.py": "", **files}))


def strategies(settings: str = "", own: str = "") -> Repository:
    tree = {"strategies/momentum/pyproject.toml": pyproject("momentum-strategy", own)}
    return repository(tree, f"[tool.tradai-tasks]\nkind = 'strategies'\n{settings}")


def named(sessions: tuple[str, ...]) -> SessionsOf:
    """The names of those sessions, as nox has them."""
    return lambda base, one: tuple(
        name for name in sessions if base_of(name) == base and one in {None, *_ids(name)}
    )


def _ids(name: str) -> set[str]:
    return {name.partition("(")[2].rstrip(")")} - {""}


def outline(found: Repository, tag: str, **given: Any) -> Outline:
    slugs = [one.slug for one in found.workspace.strategies]
    asked: dict[str, Any] = {"sessions": named(SESSIONS), **given}
    return release_outline(found, parse_tag(tag, slugs), **asked)


def test_a_strategys_stages() -> None:
    found = outline(strategies(), "momentum-v1.0.0")
    assert found.order == {
        "lint": True, "typecheck": True, "test": True, "lookahead": True, "recursive": True,
        "backtest-full": True,
        "image": False, "mlflow": False,
    }  # fmt: skip
    assert (found.environment, found.notes) == (None, ())
    gates = {one.name: one.sessions for one in found.stages if isinstance(one, GateOutline)}
    assert gates["lint"] == ("lint(momentum)",)
    assert gates["test"] == ("test-3.11(momentum)", "test-3.12(momentum)")
    (image,) = [one for one in found.stages if isinstance(one, ImagesOutline)]
    assert (image.kind, image.only, image.latest) == ("strategy", ("momentum",), "forward")


def test_a_strategy_without_backtests_has_nothing_to_judge_by_them() -> None:
    off = "[tool.tradai-tasks.backtest]\nenabled = false\nbias-gates = ['lookahead']\n"
    tag = parse_tag("momentum-v1.0.0", ["momentum"])
    outline = strategy_release(strategies(off), tag, sessions=named(SESSIONS))
    gates = {one.name: one.sessions for one in outline.stages if isinstance(one, GateOutline)}
    spared = {name for name, sessions in gates.items() if not sessions}
    assert {"lookahead", "recursive", "backtest-full"} <= spared
    assert gates["lint"] == ("lint(momentum)",)
    (model,) = [one for one in outline.stages if isinstance(one, ModelOutline)]
    assert not model.is_backtested


@pytest.mark.parametrize(
    ("sessions", "own", "wanted"),
    [
        ((), "", {"test": ("test(momentum)",), "lint": ("lint(momentum)",)}),
        ((), "[tool.tradai-tasks]\ntest = false\n", {"test": ()}),
        (("test-3.11(momentum)",), "", {"test": ("test-3.11(momentum)",)}),
    ],
)
def test_a_gate_never_goes_without_a_session_that_settings_do_not_spare(
    sessions: tuple[str, ...], own: str, wanted: dict[str, tuple[str, ...]]
) -> None:
    found = outline(strategies(own=own), "momentum-v1.0.0", sessions=named(sessions))
    gates = {one.name: one.sessions for one in found.stages if isinstance(one, GateOutline)}
    assert {name: gates[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("files", "settings", "order"),
    [
        ({}, "", []),
        (SERVICE, "", ["image"]),
        (LAMBDAS, "", ["lambda-image"]),
        ({**LAMBDAS, **BASE}, "", ["lambda-base", "lambda-image"]),
        (LIBRARY, "", ["publish"]),
        (LIBRARY, "[tool.tradai-tasks.publish]\nlibraries = []\n", []),
        (LIBRARY, DEPLOYS, ["publish"]),
        (LIBRARY, DEPLOYS + OWN_INDEX, ["publish-prod"]),
        (
            {**SERVICE, **LAMBDAS},
            DEPLOYS,
            ["image", "lambda-image", "functions-prod", "deploy-prod"],
        ),
    ],
)
def test_a_platform_has_a_stage_for_all_that_it_has(
    files: dict[str, str], settings: str, order: list[str]
) -> None:
    found = outline(repository(files, settings), "v1.2.0")
    assert [name for name, is_gate in found.order.items() if not is_gate] == order
    assert found.environment == ("prod" if settings.startswith(DEPLOYS) else None)


def test_gates_of_a_platform_are_all_sessions_of_a_name() -> None:
    settings = "[tool.tradai-tasks.release]\ngates = ['test', 'security', 'test']\n"
    found = outline(repository({}, settings), "v1.2.0", sessions=named(SESSIONS[-3:]))
    gates = {one.name: one.sessions for one in found.stages if isinstance(one, GateOutline)}
    # there is no `security`: the gate fails
    assert gates == {"test": ("test-3.11(a)", "test(b)"), "security": ("security",)}


def test_libraries_go_to_the_index_of_the_environment() -> None:
    found = outline(repository(LIBRARY, DEPLOYS + OWN_INDEX), "v1.2.0")
    (publish,) = [one for one in found.stages if isinstance(one, PublishOutline)]
    assert publish.environment is not None
    assert publish.environment.name == "prod"


def test_a_service_waits_for_latest_only_if_it_moves() -> None:
    override = {"override": "prod"}
    there = repository(SERVICE, DEPLOYS)
    left = []
    for tag in ("v1.2.0", "v1.3.0-rc.1"):
        stages = outline(there, tag, **override).stages
        left += [one.leaves_latest for one in stages if isinstance(one, ServicesOutline)]
    assert left == [False, True]


def test_where_a_tag_goes_is_said() -> None:
    there = repository(SERVICE, DEPLOYS)
    assert outline(there, "v1.2.0").notes == ("v1.2.0 goes to prod",)
    assert environment_for(there, parse_tag("v0.0.0-test", ()), "prod")[1] == (
        "v0.0.0-test is a test tag: it goes to dev, not prod", "v0.0.0-test goes to dev",
    )  # fmt: skip
    assert outline(repository(SERVICE), "v1.2.0").notes == (
        "nothing is deployed: the settings have no deploy.environments",
    )


def test_what_cannot_be_released_is_refused() -> None:
    with pytest.raises(
        BadTagError, match="a repository of strategies; release one by <strategy>-v1"
    ):
        outline(strategies(), "v1.2.0")
    with pytest.raises(BadTagError, match="a repository of strategies"):
        strategy_release(strategies(), parse_tag("v1.2.0", ()), sessions=named(()))
    with pytest.raises(BadArgumentsError, match="--environment dev: a platform is released to one"):
        outline(strategies(), "momentum-v1.0.0", override="dev")
    with pytest.raises(UnmappedTagError, match="no rule says to which environment it goes"):
        outline(repository(SERVICE, DEPLOYS), "v1.3.0-rc.1")
    settings = DEPLOYS + "[tool.tradai-tasks.deploy.environments.dev.services]\napo = 'x'\n"
    with pytest.raises(SettingsError, match=r"services\.apo: there is no such service"):
        outline(repository(SERVICE, settings), "v1.2.0")


def test_evidence_for_some_does_not_count_for_all() -> None:
    prod = environment_named("prod", DeploySettings())
    assert list(images_alone(latest="forward", only=["api"]).order) == ["image-api"]
    some = lambdas_alone(latest="never", only=["in"], environment=prod)
    assert list(some.order) == ["lambda-base", "lambda-image-in", "functions-prod-in"]
    assert some.environment == "prod"
    base = lambdas_alone(latest="never", only=["base"], environment=prod)
    assert (list(base.order), base.environment) == (["lambda-base", "lambda-image-base"], None)
    back = deployment(only=["api"], environment=prod, rollback=True)
    assert list(back.order) == ["latest-api", "deploy-prod-api"]
    assert [one.after_images for one in back.stages if isinstance(one, ServicesOutline)] == [True]
