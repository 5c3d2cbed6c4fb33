"""Release tags: what is one, what it says, and what is refused with which words."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from packaging.version import Version

from tradai_tasks.errors import BadTagError, VersionMismatchError
from tradai_tasks.workspace.tags import (
    ReleaseTag,
    check_release,
    check_version,
    is_semver,
    is_version_of,
    parse_tag,
    pep440_of,
    semver_of,
    tag_name,
)

# The versions that semver.org publishes beside its regular expression.
_VALID = """
0.0.4 1.2.3 10.20.30 1.1.2-prerelease+meta 1.1.2+meta 1.1.2+meta-valid 1.0.0-alpha 1.0.0-beta
1.0.0-alpha.beta 1.0.0-alpha.beta.1 1.0.0-alpha.1 1.0.0-alpha0.valid 1.0.0-alpha.0valid
1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay 1.0.0-rc.1+build.1 2.0.0-rc.1+build.123
1.2.3-beta 10.2.3-DEV-SNAPSHOT 1.2.3-SNAPSHOT-123 1.0.0 2.0.0 1.1.7 2.0.0+build.1848
2.0.1-alpha.1227 1.0.0-alpha+beta 1.2.3----RC-SNAPSHOT.12.9.1--.12+788
1.2.3----R-S.12.9.1--.12+meta 1.2.3----RC-SNAPSHOT.12.9.1--.12
1.0.0+0.build.1-rc.10000aaa-kk-0.1
99999999999999999999999.999999999999999999.99999999999999999 1.0.0-0A.is.legal
"""
_INVALID = """
1 1.2 1.2.3-0123 1.2.3-0123.0123 1.1.2+.123 +invalid -invalid -invalid+invalid -invalid.01 alpha
alpha.beta alpha.beta.1 alpha.1 alpha+beta alpha_beta alpha. alpha.. beta 1.0.0-alpha_beta -alpha.
1.0.0-alpha.. 1.0.0-alpha..1 1.0.0-alpha...1 1.0.0-alpha....1 1.0.0-alpha.....1
1.0.0-alpha......1 1.0.0-alpha.......1 01.1.1 1.01.1 1.1.01 1.2.3.DEV 1.2-SNAPSHOT
1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788 1.2-RC-SNAPSHOT -1.0.3-gamma+b7718 +justmeta
9.8.7+meta+meta 9.8.7-whatever+meta+meta
99999999999999999999999.999999999999999999.99999999999999999----RC-SNAPSHOT.12.09.1--------------------------------..12
"""
# What a stricter reading than the library's own must refuse too.
_STRICTER = [
    "1.0.0\n",
    " 1.0.0",
    "1.0.0 ",
    "1.0.0-\u0661",
    "1.\u0661.0",
    "\uff11.0.0",
    "",
    "v1.0.0",
]

SLUGS = ("ml-rsi", "momentum", "my-v2-strategy", "trend-following")

_number = st.integers(0, 10**20).map(str)
_part = st.one_of(_number, st.from_regex(r"[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,6}", fullmatch=True))
_semver = st.builds(
    lambda core, pre: ".".join(core) + (f"-{'.'.join(pre)}" if pre else ""),
    st.tuples(_number, _number, _number),
    st.lists(_part, max_size=3),
)
_slug = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,12}", fullmatch=True)


def refused(text: str, slugs: tuple[str, ...] = SLUGS) -> str:
    with pytest.raises(BadTagError) as caught:
        parse_tag(text, slugs)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    return message


def strategy(version: str) -> ReleaseTag:
    return parse_tag(f"momentum-v{version}", SLUGS)


@pytest.mark.parametrize("version", _VALID.split())
def test_every_valid_version_makes_a_platform_tag_and_a_strategy_tag(version: str) -> None:
    assert is_semver(version)
    platform = parse_tag(f"v{version}", ())
    assert (platform.kind, platform.slug, platform.version) == ("platform", None, version)
    own = strategy(version)
    assert (own.kind, own.slug, own.version) == ("strategy", "momentum", version)
    assert own.is_prerelease == ("-" in version.partition("+")[0])


@pytest.mark.parametrize("version", _INVALID.split() + _STRICTER)
def test_no_invalid_version_makes_a_tag(version: str) -> None:
    assert not is_semver(version)
    refused(f"v{version}")
    refused(f"momentum-v{version}")


@pytest.mark.parametrize(
    ("text", "slug", "version"),
    [
        ("my-v2-strategy-v1.0.0", "my-v2-strategy", "1.0.0"),
        ("trend-following-v2.1.3", "trend-following", "2.1.3"),
        ("ml-rsi-v1.0.0-rc1", "ml-rsi", "1.0.0-rc1"),
        ("refs/tags/momentum-v1.0.0", "momentum", "1.0.0"),
        ("momentum-v1.0.0-v2.0.0", "momentum", "1.0.0-v2.0.0"),
        ("v1.0.0-v2.0.0", None, "1.0.0-v2.0.0"),
        ("refs/tags/v0.0.0-test", None, "0.0.0-test"),
    ],
)
def test_known_slugs_settle_where_the_version_begins(
    text: str, slug: str | None, version: str
) -> None:
    tag = parse_tag(text, SLUGS)
    assert (tag.slug, tag.version) == (slug, version)
    assert str(tag) == text.removeprefix("refs/tags/")


def test_a_slug_that_itself_looks_like_a_tag_is_taken_where_it_is_the_one_that_exists() -> None:
    assert parse_tag("a-v1.0.0-v2.0.0", ["a"]).version == "1.0.0-v2.0.0"
    assert parse_tag("a-v1.0.0-v2.0.0", ["a-v1.0.0"]).version == "2.0.0"
    assert parse_tag("v1.0.0-a-v2.0.0", ["a"]).kind == "platform"


def test_a_tag_that_two_readings_satisfy_is_refused_with_both() -> None:
    assert refused("a-v1.0.0-v2.0.0", ("a", "a-v1.0.0")) == (
        "tag a-v1.0.0-v2.0.0: can be read as a 1.0.0-v2.0.0 or a-v1.0.0 2.0.0; "
        "rename one of the strategies, or choose another version"
    )
    assert "v1.0.0-a 2.0.0 or the platform 1.0.0-a-v2.0.0" in refused(
        "v1.0.0-a-v2.0.0", ("v1.0.0-a",)
    )


def test_an_unknown_strategy_is_named_with_the_nearest_known() -> None:
    assert refused("momentun-v1.0.0") == (
        "tag momentun-v1.0.0: no strategy is called 'momentun'; did you mean 'momentum'?"
    )
    assert refused("Momentum-v1.0.0").endswith("did you mean 'momentum'?")
    assert refused("zzz-v1.0.0").endswith(
        "no strategy is called 'zzz'; known are ml-rsi, momentum, my-v2-strategy, trend-following"
    )
    assert refused("zzz-v1.0.0-v2.0.0").startswith(
        "tag zzz-v1.0.0-v2.0.0: no strategy is called 'zzz' or 'zzz-v1.0.0'; "
    )
    assert refused("momentum-v1.0.0", ()).endswith("there is no folder under strategies/")


@pytest.mark.parametrize(
    ("text", "passage"),
    [
        ("momentum-v1.0", "tag momentum-v1.0: '1.0' is no semantic version; use one such as"),
        ("my-v2-strategy-v1", "'1' is no semantic version"),
        ("v1.2", "tag v1.2: '1.2' is no semantic version"),
        ("v01.1.1", "'01.1.1' is no semantic version"),
        ("main", "tag main: no release tag; expected v<version> or <strategy>-v<version>, such as"),
        ("momentum", "tag momentum: no release tag"),
        ("momentum-1.0.0", "no release tag"),
        ("version", "no release tag"),
        ("1.0.0", "no release tag"),
        ("-v1.0.0", "'-v1.0.0': no release tag"),
        ("--exec=x-v1.0.0", "'--exec=x-v1.0.0': no release tag"),
        ("", "'': no release tag"),
        ("refs/heads/v1.0.0", "'refs/heads/v1.0.0': no release tag"),
        ("refs/tags/refs/tags/v1.0.0", "no release tag"),
        ("refs/tags/", "no release tag"),
        ("refs/remotes/origin/v1.0.0", "no release tag"),
        ("v1.0.0 ", "'v1.0.0 ': no release tag"),
        ("v1.0.0\n", r"'v1.0.0\n': no release tag"),
        ("v1.0.0;id", "'v1.0.0;id': no release tag"),
        ("v1.0.0$(id)", "'v1.0.0$(id)': no release tag"),
        ("v1.0.0`id`", "'v1.0.0`id`': no release tag"),
        ("m\u043ementum-v1.0.0", r"'m\u043ementum-v1.0.0': no release tag"),
        ("v1.0.0\0", r"'v1.0.0\x00': no release tag"),
        ("momentum/../x-v1.0.0", "no release tag"),
        ("a..b-v1.0.0", "'a..b-v1.0.0': no tag can have this name (git check-ref-format)"),
        ("v1.0.0-rc.lock", "'v1.0.0-rc.lock': no tag can have this name"),
        ("v1.0.0-" + "x" * 200, "xxx...': too long for a release tag; an image tag takes 128"),
    ],
)
def test_what_is_no_release_tag_is_refused_in_one_line(text: str, passage: str) -> None:
    assert passage in refused(text)


@given(st.text())
@example("v" + "9" * 5000 + ".0.0")
@example("refs/tags/" * 50)
@example("-v" * 60)
def test_no_text_crashes_the_parser(text: str) -> None:
    for given_text in (text, f"v{text}", f"momentum-v1.0.0{text}", f"{text}-v1.0.0"):
        try:
            tag = parse_tag(given_text, SLUGS)
        except BadTagError as error:
            message = str(error)
        else:
            message = ""
            assert tag_name(tag.slug, tag.version) == tag.text
            assert tag.text == given_text.removeprefix("refs/tags/")
        assert message.isascii()
        assert message.isprintable()


@given(slug=st.none() | _slug, version=_semver)
def test_parse_and_print_are_inverse(slug: str | None, version: str) -> None:
    text = tag_name(slug, version)
    assume(len(text) <= 128 and ".." not in text and not text.endswith(".lock"))
    slugs = [] if slug is None else [slug]
    tag = parse_tag(text, slugs)
    assert (tag.slug, tag.version, str(tag)) == (slug, version, text)
    assert parse_tag(f"refs/tags/{text}", slugs) == tag


@pytest.mark.parametrize(
    ("version", "form"),
    [
        ("1.0.0", "1.0.0"),
        ("1.0.0-rc1", "1.0.0rc1"),
        ("1.0.0-rc.1", "1.0.0rc1"),
        ("1.0.0-RC1", "1.0.0rc1"),
        ("1.0.0-alpha", "1.0.0a0"),
        ("1.0.0-beta.2", "1.0.0b2"),
        ("1.0.0-dev3", "1.0.0.dev3"),
        ("1.0.0-rc1.dev2", "1.0.0rc1.dev2"),
        ("1.0.0-1", None),  # PEP 440 reads a post-release, which comes after 1.0.0
        ("1.0.0-post1", None),
        ("1.0.0-post1.dev1", None),
        ("1.0.0-r1", None),
        ("1.0.0-rc1-2", None),
        ("1.0.0-rc1.2", None),
        ("1.0.0-SNAPSHOT", None),
        ("0.0.0-test", None),
        ("1.0.0+meta", None),
    ],
)
def test_the_pep_440_form_means_the_same_or_is_none(version: str, form: str | None) -> None:
    assert pep440_of(version) == (Version(form) if form else None)
    assert strategy(version).pep440 == pep440_of(version)


@given(_semver)
def test_a_pre_release_never_takes_a_form_that_comes_after_its_release(version: str) -> None:
    form = pep440_of(version)
    if form is not None:
        core = Version(version.partition("-")[0])
        assert form < core if "-" in version else form == core
        back = semver_of(form)
        assert back is not None
        assert pep440_of(back) == form


@pytest.mark.parametrize(
    ("version", "semantic"),
    [
        ("1.1", "1.1.0"),
        ("2", "2.0.0"),
        ("1.0.0rc1", "1.0.0-rc1"),
        ("1.0.0a2.dev3", "1.0.0-a2.dev3"),
        ("1.0.0.dev1", "1.0.0-dev1"),
        ("1.0.0.post1", None),
        ("1!1.0.0", None),
        ("1.0.0+local", None),
        ("1.2.3.4", None),
    ],
)
def test_the_semantic_version_of_a_package_version(version: str, semantic: str | None) -> None:
    assert semver_of(Version(version)) == semantic


@pytest.mark.parametrize(
    ("version", "is_test", "is_prerelease"),
    [
        ("0.0.0-test", True, True),
        ("0.0.0-test.12", True, True),
        ("0.0.0-test+meta", True, True),
        ("0.0.0-test.1.2", False, True),
        ("0.0.0-test.a", False, True),
        ("0.0.0-tests", False, True),
        ("0.0.1-test", False, True),
        ("0.0.0", False, False),
        ("1.0.0-rc1", False, True),
        ("1.0.0+a-b", False, False),
    ],
)
def test_test_tags_are_of_0_0_0_alone(version: str, is_test: bool, is_prerelease: bool) -> None:
    tag = strategy(version)
    assert (tag.is_test, tag.is_prerelease) == (is_test, is_prerelease)


@pytest.mark.parametrize(
    ("version", "carried"),
    [("1.0.0", "1.0.0"), ("1.0.0-rc1", "1.0.0rc1"), ("0.0.0-test", None), ("0.0.0-test.3", None)],
)
def test_what_can_be_released(version: str, carried: str | None) -> None:
    found = check_release(strategy(version))
    assert (None if found is None else str(found)) == carried


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            "1.0.0+build.5",
            (
                "tag momentum-v1.0.0+build.5: a version with build metadata cannot be released, "
                "since an image tag takes no '+'; use a tag such as momentum-v1.0.0"
            ),
        ),
        (
            "1.0.0-foo",
            (
                "tag momentum-v1.0.0-foo: no package can carry the version 1.0.0-foo, since it "
                "has no PEP 440 form; use one such as 1.0.0 or 1.0.0-rc1 (alpha, beta and dev "
                "have forms too)"
            ),
        ),
    ],
)
def test_what_parses_and_yet_cannot_be_released(version: str, message: str) -> None:
    with pytest.raises(BadTagError) as caught:
        check_release(strategy(version))
    assert str(caught.value) == message


def test_a_test_tag_with_build_metadata_cannot_be_released_either() -> None:
    with pytest.raises(BadTagError, match="build metadata"):
        check_release(strategy("0.0.0-test+1"))


@pytest.mark.parametrize(
    ("tagged", "project"),
    [
        ("1.0.0", "1.0.0"),
        ("1.0.0", "1.0"),
        ("1.0.0-rc1", "1.0.0rc1"),
        ("1.0.0-rc1", "1.0.0-rc.1"),
        ("1.0.0-foo", "1.0.0-foo"),
        ("0.0.0-test", "1.0.0"),
        ("0.0.0-test.2", None),
    ],
)
def test_versions_that_agree(tagged: str, project: str | None) -> None:
    assert is_version_of(strategy(tagged), project)


@pytest.mark.parametrize(
    ("tagged", "project", "rest"),
    [
        ("1.0.0", "0.9.0", "has version '0.9.0'; fix with: nox -s bump -- momentum 1.0.0"),
        ("1.0.0-rc1", "0.9", "has version '0.9'; fix with: nox -s bump -- momentum 1.0.0-rc1"),
        ("1.0.0", "1.0.0rc1", "has version '1.0.0rc1'; fix with: nox -s bump -- momentum 1.0.0"),
        (
            "1.0.0",
            "1.1.0rc1",
            (
                "has version '1.1.0rc1'; tag the commit whose version is 1.0.0, or release "
                "momentum-v1.1.0-rc1"
            ),
        ),
        (
            "1.0.0",
            "1.0.0.post1",
            "has version '1.0.0.post1'; tag the commit whose version is 1.0.0",
        ),
        ("1.0.0", "new", "has version 'new'; fix with: nox -s bump -- momentum 1.0.0"),
        (
            "1.0.0",
            "9" * 5000,
            f"has version '{'9' * 5000}'; fix with: nox -s bump -- momentum 1.0.0",
        ),
        ("1.0.0", None, 'states no project.version; write there: version = "1.0.0"'),
    ],
)
def test_versions_that_differ_are_named_with_the_way_to_fix_them(
    tagged: str, project: str | None, rest: str
) -> None:
    assert not is_version_of(strategy(tagged), project)
    with pytest.raises(VersionMismatchError) as caught:
        check_version(strategy(tagged), project, file="strategies/momentum/pyproject.toml")
    assert str(caught.value) == (
        f"tag momentum-v{tagged}: is for version {tagged}, but "
        f"strategies/momentum/pyproject.toml {rest}"
    )


def test_a_platform_tag_fixes_the_package_that_the_caller_names() -> None:
    tag = parse_tag("v2.0.0", ())
    with pytest.raises(VersionMismatchError, match=r"nox -s bump -- tradai-common 2\.0\.0"):
        check_version(tag, "1.0.0", file="pyproject.toml", name="tradai-common")
