"""What a login makes of files that hold other credentials, and of what projects say."""

from __future__ import annotations

import configparser
import netrc as netrc_format
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.trees import found
from tradai_tasks.errors import CredentialsFileError, UnsafeIndexError
from tradai_tasks.release.libraries.index_safety import (
    index_named,
    lines_to_add,
    same_address,
    unsafe_packages,
)
from tradai_tasks.release.libraries.login_files import (
    Access,
    environment,
    extra_indexes,
    netrc_with,
    pypirc_with,
    write_secret,
)

HOST = "tradai-1.d.codeartifact.example"
URL = f"https://{HOST}/pypi/py/simple/"


def access(token: str = "T0K+en/=") -> Access:
    return Access(
        index_name="py.dev-1",
        upload_url=URL.removesuffix("simple/"),
        simple_url=URL,
        token=token,
    )


def test_the_environment_of_each_tool() -> None:
    made = environment(access(), ["pip", "uv", "twine"])
    assert made == {
        "PIP_INDEX_URL": f"https://aws:T0K%2Ben%2F%3D@{HOST}/pypi/py/simple/",
        "UV_INDEX_PY_DEV_1_USERNAME": "aws",
        "UV_INDEX_PY_DEV_1_PASSWORD": "T0K+en/=",
        "TWINE_REPOSITORY_URL": f"https://{HOST}/pypi/py/",
        "TWINE_USERNAME": "aws",
        "TWINE_PASSWORD": "T0K+en/=",
    }
    assert access().secrets == ("T0K+en/=", "T0K%2Ben%2F%3D")
    assert access("plain").secrets == ("plain",)
    assert access().host == HOST


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "a\r", "a#b", 'a"b', "\u00e4"])
def test_a_token_that_could_forge_a_line_is_refused(token: str) -> None:
    with pytest.raises(CredentialsFileError, match="no token of AWS has; nothing was written") as c:
        access(token)
    assert token not in str(c.value) or token in {"", "a"}


OTHER = "machine a login b password c\n"
OWN = f"machine {HOST} login aws password T\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", OWN),
        ("machine a login b password c", "machine a login b password c\n" + OWN),
        ("# none\n", "# none\n" + OWN),
        ("default login b password c\n", OWN + "default login b password c\n"),
        (
            f"machine {HOST}\n\tlogin x\n\tpassword y # old\nmachine a login b password c\n",
            f"machine {HOST} login aws password T # old\nmachine a login b password c\n",
        ),
        (
            f"machine {HOST} login x password y\n{OTHER}machine {HOST} login x password z\n",
            OWN + OTHER,
        ),
        (
            "machine a login b password c\nmacdef init\ncd /x\nmachine no\n\n",
            "machine a login b password c\nmacdef init\ncd /x\nmachine no\n\n\n" + OWN,
        ),
        ("machine machine login machine password default\n",
         "machine machine login machine password default\n" + OWN),
        ('machine a login "b c" password "d e"\n', 'machine a login "b c" password "d e"\n' + OWN),
    ],
)  # fmt: skip
def test_netrc_gets_one_entry_and_keeps_the_others(before: str, after: str) -> None:
    made = netrc_with(before, HOST, "T", file=".netrc")
    assert made == after
    assert netrc_with(made, HOST, "T", file=".netrc") == after


def test_a_netrc_that_does_not_parse_is_left_alone_and_not_quoted() -> None:
    with pytest.raises(CredentialsFileError, match=r"^\.netrc: near line \d: no \.netrc") as caught:
        netrc_with("machine a login b password c\nsecret\n", HOST, "T", file=".netrc")
    assert "secret" not in str(caught.value)


WORDS = st.sampled_from(
    ["machine", "default", "macdef", "login", "password", "account", "a", HOST, "#", "#x", '"q r"',
     "\n", "\n\n", "\t"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=14), st.sampled_from([" ", "\n"]))
def test_netrc_whatever_is_in_it_is_kept_or_refused(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], gap: str
) -> None:
    text = gap.join(words)
    try:
        made = netrc_with(text, HOST, "T", file=".netrc")
    except CredentialsFileError:
        return
    file = tmp_path_factory.getbasetemp() / "netrc"

    def hosts(content: str) -> dict[str, object]:
        file.write_text(content)
        return dict(netrc_format.netrc(str(file)).hosts)

    assert hosts(made) == {**hosts(text), HOST: ("aws", "", "T")}


SECTION = f"[py.dev-1]\nrepository = https://{HOST}/pypi/py/\nusername = aws\npassword = T0K+en/=\n"


@pytest.mark.parametrize(
    ("before", "servers"),
    [
        ("", ["pypi", "testpypi", "py.dev-1"]),
        ("[pypi]\nusername = u\npassword = 50%\n", ["pypi", "testpypi", "py.dev-1"]),
        ("[mine]\nusername = u\n", ["pypi", "testpypi", "mine", "py.dev-1"]),
        ("[distutils]\nindex-servers = a b\n[b]\nx = 1\n", ["py.dev-1", "a", "b"]),
        ("[distutils]\nindex-servers =\n  other\n\n[other]\nx = 1", ["py.dev-1", "other"]),
        ("[distutils]\nx = 1\n", ["pypi", "testpypi", "py.dev-1"]),
        ("[distutils]\nindex-servers: py.dev-1\n[py.dev-1]\npassword = old\n\n[z]\na = 1\n",
         ["py.dev-1"]),
    ],
)  # fmt: skip
def test_pypirc_gets_one_repository_and_keeps_the_others(before: str, servers: list[str]) -> None:
    made = pypirc_with(before, access(), file=".pypirc")
    assert SECTION in made
    assert "old" not in made
    parsed, old = configparser.RawConfigParser(), configparser.RawConfigParser()
    parsed.read_string(made)
    old.read_string(before)
    assert parsed["distutils"]["index-servers"].split() == servers
    for name in set(old.sections()) - {"py.dev-1", "distutils"}:
        assert dict(parsed[name]) == dict(old[name])
    assert pypirc_with(made, access(), file=".pypirc") == made


def test_a_pypirc_that_does_not_parse_is_left_alone_and_not_quoted() -> None:
    with pytest.raises(CredentialsFileError, match=r"no \.pypirc file \(Missing") as caught:
        pypirc_with("password = secret\n", access(), file=".pypirc")
    assert "secret" not in str(caught.value)
    strange = "[py.dev-1]\npassword = a\n[distutils]\n  [py.dev-1]\nindex-servers = x\n"
    with pytest.raises(CredentialsFileError):
        pypirc_with(strange + "[py.dev-1]\nagain = 1\n", access(), file=".pypirc")


def test_a_secret_is_written_whole_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new" / "netrc"
    write_secret(file, "one")
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_secret(file, "two")
    assert file.read_text() == "one"
    assert [path.name for path in file.parent.iterdir()] == ["netrc"]


def test_a_second_index_of_pip_is_refused(tmp_path: Path) -> None:
    extra_indexes({}, tmp_path)
    with pytest.raises(UnsafeIndexError, match="PIP_EXTRA_INDEX_URL is set"):
        extra_indexes({"PIP_EXTRA_INDEX_URL": "x"}, tmp_path)
    config = tmp_path / "pip.conf"
    config.write_text("[install]\nextra-index-url = https://aws:secret@x\n")
    with pytest.raises(UnsafeIndexError, match=r"unset install\.extra-index-url") as caught:
        extra_indexes({"PIP_CONFIG_FILE": str(config)}, tmp_path)
    assert "secret" not in str(caught.value)
    config.write_text("no config")
    extra_indexes({"PIP_CONFIG_FILE": str(config)}, tmp_path)


# --- projects ------------------------------------------------------------------------------------

NAME = "tradai-strategy"
INDEX = f'[[tool.uv.index]]\nname = "py"\nurl = "{URL}"\nexplicit = true\n'
SOURCE = '[tool.uv.sources]\ntradai_strategy = { index = "py" }\n'


def project(more: str = "", name: str = "m") -> str:
    return (
        f'[project]\nname = "{name}"\nversion = "1"\n'
        f'dependencies = ["Tradai.Strategy>=1", "??", "x"]\n{more}'
    )


def whys(files: dict[str, str]) -> list[tuple[str, str]]:
    return [(one.file, one.why) for one in unsafe_packages(found(files), [NAME], URL)]


STRATEGY = "strategies/m/pyproject.toml"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (INDEX + SOURCE, None),
        (INDEX.replace("https://", "https://aws@").replace("simple/", "simple") + SOURCE, None),
        ('[tool.uv.sources]\ntradai-strategy = { git = "https://x.example" }\n', None),
        ("", "has no source, so it is taken from any index"),
        (SOURCE, "its index 'py' is defined nowhere"),
        (INDEX.replace("/pypi/py/", "/pypi/other/") + SOURCE, "its index 'py' is another address"),
        (
            INDEX.replace("explicit = true\n", "") + SOURCE,
            "its index 'py' does not have `explicit = true`",
        ),
        (
            INDEX.replace("= true", "= false")
            + '[tool.uv.sources]\ntradai-strategy = [{ path = "../x" }, { index = "py" }]\n',
            "its index 'py' does not have `explicit = true`",
        ),
    ],
)
def test_where_a_strategy_takes_the_package_from(more: str, why: str | None) -> None:
    assert whys({STRATEGY: project(more)}) == ([(STRATEGY, why)] if why else [])


def test_in_a_workspace_the_roots_sources_count_and_members_need_none() -> None:
    root = '[tool.uv.workspace]\nmembers = ["libs/*"]\n'
    files = {"pyproject.toml": root, "libs/m/pyproject.toml": project()}
    assert whys(files) == [("pyproject.toml", "has no source, so it is taken from any index")]
    assert whys({**files, "pyproject.toml": root + INDEX + SOURCE}) == []
    member = {"libs/s/pyproject.toml": project(name=NAME)}
    assert whys({**files, **member}) == []
    group = '[dependency-groups]\ndev = ["tradai-strategy", { include-group = "x" }]\nx = []\n'
    alone = {"pyproject.toml": root + group, "libs/m/pyproject.toml": '[project]\nname = "m"\n'}
    assert whys(alone) == [("pyproject.toml", "has no source, so it is taken from any index")]
    assert whys({**alone, "pyproject.toml": root + group + INDEX + SOURCE}) == []


def test_an_index_goes_by_the_name_that_it_has() -> None:
    assert index_named(found({STRATEGY: project(INDEX)}), URL) == "py"
    assert index_named(found({STRATEGY: project()}), URL) is None
    assert same_address("https://u:p@A.example/x/", "https://a.example/x")
    assert not same_address("http://a.example/x", "https://a.example/x")
    assert lines_to_add([NAME], "py", URL) == INDEX + "\n" + SOURCE.replace("_", "-")
