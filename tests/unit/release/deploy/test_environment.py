"""Where a tag goes: by the rules, and never to prod unless a rule or a person says so."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradai_tasks.errors import BadArgumentsError, SettingsError, UnmappedTagError
from tradai_tasks.release.tags.target_environment import (
    check_names,
    environment_named,
    environment_of,
    environments,
)
from tradai_tasks.settings.deploy import DeploySettings
from tradai_tasks.workspace.tags import parse_tag

RULES = """
tags = [
    { kind = "prerelease", environment = "staging" },
    { match = "v9.*", environment = "qa" },
    { kind = "release", match = "v*", environment = "prod" },
]
[environments.qa]
region = "eu-west-1"
cluster = "blue"
service-prefix = "qa-"
function-prefix = "qa-fn-"
missing-service = "skip"
[environments.qa.services]
backend = "backend-api"
[environments.qa.functions]
gaps = "find-gaps"
"""


def settings(text: str = RULES) -> DeploySettings:
    return msgspec.toml.decode(text, type=DeploySettings)


@pytest.mark.parametrize(
    ("tag", "where"),
    [
        ("v1.2.0", "prod"),
        ("v1.2.0-rc1", "staging"),
        ("v9.0.0", "qa"),
        ("v9.0.0-rc1", "staging"),  # the first rule that fits counts
        ("v0.0.0-test", "dev"),
        ("v0.0.0-test.4", "dev"),
    ],
)
def test_the_first_rule_that_fits_counts(tag: str, where: str) -> None:
    assert environment_of(parse_tag(tag, ()), settings()).name == where


def test_a_tag_that_no_rule_fits_is_an_error() -> None:
    with pytest.raises(UnmappedTagError) as raised:
        environment_of(parse_tag("momentum-v1.0.0", ["momentum"]), settings())
    assert str(raised.value) == (
        "tag momentum-v1.0.0: no rule says to which environment it goes; add one to deploy.tags, "
        'such as { kind = "release", environment = "staging" }, or name it once: '
        "--environment staging"
    )
    with pytest.raises(UnmappedTagError, match=r"v1\.0\.0-rc1.*kind = \"prerelease\""):
        environment_of(parse_tag("v1.0.0-rc1", ()), settings(""))


def test_what_is_asked_for_wins_over_the_rules_but_not_for_a_test_tag() -> None:
    release, test = parse_tag("v1.2.0", ()), parse_tag("v0.0.0-test", ())
    assert environment_of(release, settings(), override="staging").name == "staging"
    assert environment_of(test, settings(), override="prod").name == "dev"
    for tag in (release, test):
        with pytest.raises(BadArgumentsError, match="did you mean 'prod'"):
            environment_of(tag, settings(), override="prodd")


_VERSION = st.tuples(*[st.integers(0, 30)] * 3).map(lambda numbers: "v{}.{}.{}".format(*numbers))


@given(
    _VERSION,
    st.sampled_from(["", "-rc1", "-test", "-alpha.2"]),
    st.lists(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["release", "prerelease", "any"]),
                "match": st.sampled_from(["*", "v1.*", "v0.0.0-*", "x"]),
                "environment": st.sampled_from(["dev", "staging", "qa"]),
            }
        )
    ),
    st.sampled_from([None, "staging", "prod"]),
)
def test_prod_only_by_name(
    core: str, end: str, rules: list[dict[str, str]], asked: str | None
) -> None:
    tag = parse_tag(core + end, ())
    made = msgspec.convert({"tags": rules, "environments": {"qa": {}}}, DeploySettings)
    try:
        found = environment_of(tag, made, override=asked).name
    except UnmappedTagError:
        assert asked is None
        assert not tag.is_test
        return
    if tag.is_test:
        assert found == "dev"
    elif asked is None:
        assert found != "prod"  # no rule names it
    else:
        assert found == asked


def test_a_rule_must_name_an_environment_that_is_there() -> None:
    given = settings('tags = [{ environment = "dev" }, { environment = "pord" }]')
    with pytest.raises(SettingsError) as raised:
        environment_of(parse_tag("v0.0.0-test", ()), given)
    assert str(raised.value) == (
        "deploy.tags[1].environment: 'pord' is no environment; known are dev, staging, prod; "
        "add others as deploy.environments.<name>"
    )


def test_names_of_services_and_functions() -> None:
    qa = environment_named("qa", settings())
    assert (qa.service("backend"), qa.service("mlflow")) == ("backend-api", "qa-mlflow")
    assert (qa.function("gaps"), qa.function("heartbeat")) == ("find-gaps", "qa-fn-heartbeat")
    assert (qa.region, qa.cluster) == ("eu-west-1", "blue")
    dev = environment_named("dev", settings())
    assert (dev.service("backend"), dev.function("gaps"), dev.region) == ("backend", "gaps", None)
    with pytest.raises(SettingsError) as raised:
        _ = dev.cluster
    assert str(raised.value) == (
        "deploy.environments.dev.cluster: not set; name the ECS cluster of dev there"
    )


def test_what_is_missing_is_skipped_in_dev_only_unless_set() -> None:
    given = settings()
    assert environments(given) == ("dev", "staging", "prod", "qa")
    for name, service, function in (
        ("dev", "skip", "skip"),
        ("staging", "error", "error"),
        ("prod", "error", "error"),
        ("qa", "skip", "error"),
    ):
        environment = environment_named(name, given)
        assert (environment.missing("service"), environment.missing("function")) == (
            service,
            function,
        )


def test_an_unknown_environment_lists_those_there_are() -> None:
    with pytest.raises(BadArgumentsError, match=r"known are dev, staging, prod, qa \(others by"):
        environment_named("zzz", settings())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "services.backnd = 'x'",
            (
                "deploy.environments.qa.services.backnd: there is no such service; did you mean "
                "'backend'?"
            ),
        ),
        (
            "functions.zzz = 'x'",
            "deploy.environments.qa.functions.zzz: there is no such lambda; there are gaps",
        ),
        (
            "services.backend = 'mlflow'",
            (
                "deploy.environments.qa.services: backend and mlflow would both be 'mlflow'; "
                "rename one"
            ),
        ),
    ],
)
def test_names_that_the_repository_does_not_have(text: str, said: str) -> None:
    made = settings(f"[environments.qa]\n{text}\n")
    with pytest.raises(SettingsError) as raised:
        check_names(made, services=["backend", "mlflow"], functions=["gaps"])
    assert str(raised.value) == said


def test_names_that_it_has() -> None:
    check_names(settings(), services=["backend", "mlflow"], functions=["gaps"])
    made = settings("environments.qa.functions.gaps = 'x'")
    with pytest.raises(SettingsError, match="there are none"):
        check_names(made, services=[], functions=[])
