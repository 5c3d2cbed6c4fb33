"""Settings: every fault by its key path and file, whatever the files hold."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.project import DictTree
from tradai_tasks.errors import BrokenTomlError, SettingsError
from tradai_tasks.settings.load import (
    faults_of,
    load_settings,
    parse_toml,
    read_package_table,
    tool_table,
)
from tradai_tasks.settings.model import PackageSettings, ProtocolPair, Settings
from tradai_tasks.settings.release import ReleaseSettings

_KNOWN = ", ".join(sorted(Settings.__struct_encode_fields__))


def loaded(table: str) -> Settings:
    return load_settings(DictTree({"tradai-tasks.toml": table})).settings


def laid_over(table: dict[str, Any]) -> Settings:
    return load_settings(DictTree({}), table).settings


def faults(table: str) -> list[str]:
    return faults_of(tomllib.loads(table), Settings, "")


def test_no_file_and_no_table_give_the_defaults() -> None:
    for files in ({}, {"pyproject.toml": ""}, {"pyproject.toml": "[tool.ruff]\n"}):
        assert load_settings(DictTree(files)).settings == Settings()
    assert Settings().test.groups == ("test", "tests", "dev")
    assert Settings().affected.max_jobs == 64


def test_the_table_of_pyproject_and_the_file_of_its_own_read_alike() -> None:
    table = (
        'kind = "platform"\npython = ["3.11", "3.12"]\nmembers = ["a/*"]\n'
        "test = { floor = 70, args = ['-q'] }\n"
        "security.ignore = [{ id = 'CVE-1', reason = 'x', until = 2030-01-01 }]\n"
        "packages.Some_Name.floor = 12.5\n"
        "packages.b.protocols = [{ class = 'a.b:C', protocol = 'p:P' }]\n"
    )
    own = load_settings(DictTree({"tradai-tasks.toml": table}))
    assert own.file == "tradai-tasks.toml"
    nested = tomllib.loads(table)
    below = load_settings(DictTree({"pyproject.toml": f"[tool.tradai-tasks]\n{table}"}))
    assert below.file == "pyproject.toml"
    assert below.settings == own.settings
    assert own.settings.python == ("3.11", "3.12")
    assert own.settings.packages["Some_Name"].floor == nested["packages"]["Some_Name"]["floor"]
    pair = ProtocolPair(class_="a.b:C", protocol="p:P")
    assert own.settings.packages["b"].protocols == (pair,)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("pyhton = '3.11'", "pyhton: unknown key; did you mean 'python'?"),
        ("zzz = 1", f"zzz: unknown key; known are {_KNOWN}"),
        ("'a - at `$.b`' = 1", f'"a - at `$.b`": unknown key; known are {_KNOWN}'),
        ("test.flor = 1", "test.flor: unknown key; did you mean 'floor'?"),
        ("max_jobs = 1", f"max_jobs: unknown key; known are {_KNOWN}"),
        ("affected.max_jobs = 1", "affected.max_jobs: unknown key; did you mean 'max-jobs'?"),
        ("test = 3", "test: expected a table, got `int`"),
        ("packages = 3", "packages: expected a table, got `int`"),
        ("packages.a = 3", "packages.a: expected a table, got `int`"),
        (
            "deploy.environments.qa.missing-service = 'no'",
            "deploy.environments.qa.missing-service: invalid enum value 'no'; use one of 'error'",
        ),
        ("deploy.environments.qa = 1", "deploy.environments.qa: expected a table, got `int`"),
        (
            "deploy.environments.qa.regoin = 1",
            "deploy.environments.qa.regoin: unknown key; did you mean 'region'?",
        ),
        ("packages.'' = {}", 'packages."": expected a name'),
        ("packages.b.flor = 1", "packages.b.flor: unknown key; did you mean 'floor'?"),
        ("packages.'a.b'.floor = 'x'", 'packages."a.b".floor: expected `float`, got `str`'),
        ("members = 'a'", "members: expected `list`, got `str`"),
        ("python = []", "python: expected a list of length >= 1, got []"),
        ("perf.max-slowdown = 0", "perf.max-slowdown: expected `float` > 0.0, got 0"),
        ("members = ['a', '']", "members[1]: expected `str` of length >= 1, got ''"),
        ("python = 3.11", "python: expected `str | list`, got `float`"),
        ("python = '2.7'", r"python: '2.7' does not match '^3\\.[0-9]{1,2}$'"),
        ("python = ['3.11', 3]", "python[1]: expected `str`, got `int`"),
        ("kind = 'x'", "kind: invalid enum value 'x'; use one of 'platform', 'strategies'"),
        (
            "security.severity = 'none'",
            "security.severity: invalid enum value 'none'; use one of 'high', 'low', 'medium'",
        ),
        (
            "release.gates = ['lint', 'lints']",
            "release.gates[1]: invalid enum value 'lints'; use one of 'lint', 'security', 'test', ",
        ),
        ("release.gates = ['lints']", "release.gates[0]: invalid enum value 'lints'; use one of "),
        ("python = ['2.7']", "python[0]: '2.7' does not match"),
        ("security.service-url = 'ftp:'", "security.service-url: 'ftp:' does not match"),
        ("security.ignore = [3]", "security.ignore[0]: expected a table, got `int`"),
        ("security.ignore = [{ id = 'C-1' }]", "security.ignore[0]: missing key `reason`"),
        (
            "security.ignore = [{ id = 'C-1', reason = 'x', unitl = 1 }]",
            "security.ignore[0].unitl: unknown key; did you mean 'until'?",
        ),
        (
            "security.ignore = [{ id = 'C-1', reason = 'x', until = 'soon' }]",
            "security.ignore[0].until: invalid RFC3339 encoded date",
        ),
        ("test.floor = true", "test.floor: expected `float`, got `bool`"),
        ("test.floor = 101", "test.floor: expected `float` <= 100.0, got 101"),
        ("test.floor = -1", "test.floor: expected `float` >= 0.0, got -1"),
        ("test.floor = nan", "test.floor: expected `float` >= 0.0, got nan"),
        ("perf.max-slowdown = 0", "perf.max-slowdown: expected `float` > 0.0"),
        ("perf.max-slowdown = inf", "perf.max-slowdown: expected `float` <= "),
        ("affected.max-jobs = 0", "affected.max-jobs: expected `int` >= 1, got 0"),
        ("affected.max-jobs = 257", "affected.max-jobs: expected `int` <= 256, got 257"),
        ("contract.timeout = 0", "contract.timeout: expected `int` >= 1, got 0"),
        ("contract.marker = 'a b'", "contract.marker: 'a b' does not match"),
        ("lint.commands = [[]]", "lint.commands[0]: expected a list of length >= 1, got []"),
        ("typecheck.strict = 'yes'", "typecheck.strict: expected `bool`, got `str`"),
        (
            "packages.a.protocols = [{ class = 'a', protocol = 'b:C' }]",
            "packages.a.protocols[0].class: 'a' does not match",
        ),
    ],
)
def test_each_fault_is_one_line_with_its_path(table: str, said: str) -> None:
    (fault,) = faults(table)
    assert fault.startswith(said)
    with pytest.raises(SettingsError) as error:
        loaded(table)
    assert str(error.value).startswith(f"tradai-tasks.toml: {said}")
    assert error.value.exit_code == 2


def test_all_faults_are_named_at_once_with_the_places_as_written() -> None:
    table = (
        "tets = {}\nmembers = [1, 'ok', 2, '']\nkind = 4\n"
        "lint.commands = [['ok'], [''], 'x']\n"
        "packages.a = { floor = 101, grups = [] }\npackages.b = 1\n"
    )
    with pytest.raises(SettingsError) as error:
        load_settings(DictTree({"pyproject.toml": _nested(table)}))
    lines = str(error.value).splitlines()
    prefix = "pyproject.toml: tool.tradai-tasks."
    assert all(line.startswith(prefix) for line in lines)
    assert sorted(line.removeprefix(prefix).split(": ")[0] for line in lines) == [
        "kind",
        "lint.commands[1][0]",
        "lint.commands[2]",
        "members[0]",
        "members[2]",
        "members[3]",
        "packages.a.floor",
        "packages.a.grups",
        "packages.b",
        "tets",
    ]


def _nested(table: str) -> str:
    return f"[tool.tradai-tasks]\n{table}"


def test_a_missing_key_is_not_named_again_when_its_value_was_at_fault() -> None:
    assert faults("security.ignore = [{ id = 3, reason = 'x' }]") == [
        "security.ignore[0].id: expected `str`, got `int`"
    ]


@pytest.mark.parametrize("file", ["pyproject.toml", "tradai-tasks.toml"])
def test_broken_toml_and_other_encodings_name_the_file(file: str) -> None:
    with pytest.raises(BrokenTomlError, match=rf"^{file}: broken TOML: .*line 1") as error:
        load_settings(DictTree({file: "[broken"}))
    assert "\n" not in str(error.value)
    with pytest.raises(BrokenTomlError, match=f"^{file}: broken TOML: byte 3 is not UTF-8; save"):
        load_settings(DictTree({file: 'a="é"'.encode("latin-1")}))


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse_toml(b"\xef\xbb\xbfa = 1\n", "x") == {"a": 1}
    assert loaded("\ufeffkind = 'platform'").kind == "platform"


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\ntradai-tasks = []", "tool = ['a']"])
def test_a_tool_table_that_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^pyproject.toml: tool.tradai-tasks: expected a tabl"):
        load_settings(DictTree({"pyproject.toml": text}))
    with pytest.raises(SettingsError, match=r"^a/pyproject.toml: "):
        tool_table(tomllib.loads(text), "a/pyproject.toml")


def test_both_files_are_refused() -> None:
    both = DictTree({"pyproject.toml": "", "tradai-tasks.toml": ""})
    with pytest.raises(SettingsError) as error:
        load_settings(both)
    assert str(error.value) == (
        "tradai-tasks.toml: not read where a root pyproject.toml exists; move its settings to "
        "[tool.tradai-tasks] in pyproject.toml"
    )


def test_overrides_are_laid_over_key_by_key() -> None:
    tree = DictTree({"tradai-tasks.toml": "test = { floor = 70, args = ['-q'] }\nmembers = ['a']"})
    over: dict[str, Any] = {"test": {"floor": 10}, "members": ("b", "c"), "perf": {"args": ["-x"]}}
    settings = load_settings(tree, over).settings
    assert settings.test.floor == 10
    assert settings.test.args == ("-q",)
    assert settings.members == ("b", "c")
    assert settings.perf.args == ("-x",)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"test": 3}, "test: expected a table, got `int`"),
        ({"members": ("a", 3, 4)}, "members[1]: expected `str`, got `int`"),
        ({"tset": {}}, "tset: unknown key; did you mean 'test'?"),
        ({3: {}}, "3: expected the name of a key, got `int`"),
        ({"packages": {3: {}}}, "packages.3: expected the name of a key, got `int`"),
        ({"test": {"args": {"a"}}}, "test.args: expected `list`, got `set`"),
    ],
)
def test_faults_of_overrides_name_both_places(over: dict[Any, Any], said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(DictTree({"pyproject.toml": ""}), over)
    where = "pyproject.toml or register(settings=...): tool.tradai-tasks."
    assert str(error.value).splitlines()[0] == f"{where}{said}"


def test_a_packages_own_table() -> None:
    assert read_package_table({}, "a/pyproject.toml") == PackageSettings()
    assert read_package_table({"floor": 3}, "a/pyproject.toml").floor == 3
    with pytest.raises(SettingsError) as error:
        read_package_table({"flor": 3, "test": "no"}, "a/pyproject.toml")
    assert str(error.value).splitlines() == [
        "a/pyproject.toml: tool.tradai-tasks.test: expected `bool`, got `str`",
        "a/pyproject.toml: tool.tradai-tasks.flor: unknown key; did you mean 'floor'?",
    ] or str(error.value).splitlines() == [
        "a/pyproject.toml: tool.tradai-tasks.flor: unknown key; did you mean 'floor'?",
        "a/pyproject.toml: tool.tradai-tasks.test: expected `bool`, got `str`",
    ]


_KEYS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["test", "packages", "security", "ignore", "floor", "python", "a`b", "$.[0]"]),
)
_TOML = st.recursive(
    st.one_of(
        st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.datetimes()
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)
_TOP = list(Settings.__struct_encode_fields__)


@given(st.dictionaries(_KEYS | st.sampled_from(_TOP), _TOML, max_size=6))
def test_arbitrary_tables_give_one_line_a_fault_and_never_raise(table: dict[str, Any]) -> None:
    found = faults_of(table, Settings, "x.")
    assert len(found) == len(set(found))
    for fault in found:
        assert fault.startswith("x.")
    for key in table:
        if key not in _TOP:
            assert any(
                "unknown key" in f and (key in f or json.dumps(key, ensure_ascii=False) in f)
                for f in found
            )
    assert faults_of(table, Settings, "x.") == found  # what was given is left as it was
    if not found:
        assert laid_over(table) == msgspec.convert(table, Settings)
    else:
        with pytest.raises(SettingsError) as raised:
            laid_over(table)
        assert len(raised.value.faults) == len(found)


# One fault each, by the path that must be named.
_INJECTED: dict[str, tuple[tuple[str, ...], Any]] = {
    "kind": (("kind",), 1),
    "python": (("python",), 3.11),
    "members[2]": (("members",), ["a", "b", 3]),
    "test.floor": (("test", "floor"), 200),
    "test.args[0]": (("test", "args"), [[]]),
    "lint.nope": (("lint", "nope"), 1),
    "lint.commands[1]": (("lint", "commands"), [["a"], []]),
    "typecheck.strict": (("typecheck", "strict"), "x"),
    "security.severity": (("security", "severity"), "x"),
    "security.ignore[1].id": (
        ("security", "ignore"),
        [{"id": "CVE-1", "reason": "r"}, {"id": "", "reason": "r"}],
    ),
    "security.not-audited[0]": (("security", "not-audited"), [{"name": "a"}]),
    "perf.max-slowdown": (("perf", "max-slowdown"), -1),
    "contract.timeout": (("contract", "timeout"), 0.5),
    "integration.marker": (("integration", "marker"), "a-b"),
    "affected.max-jobs": (("affected", "max-jobs"), 1000),
    'packages."a b".floor': (("packages", "a b", "floor"), "x"),
    "packages.c.protocols[0].class": (
        ("packages", "c", "protocols"),
        [{"class": "x", "protocol": "a:B"}],
    ),
    "deploy.tags[0].environment": (("deploy", "tags"), [{"environment": ""}]),
    "deploy.interval": (("deploy", "interval"), 0),
    "deploy.environments.qa.region": (("deploy", "environments", "qa", "region"), 1),
    "deploy.environments.qa.functions": (("deploy", "environments", "qa", "functions"), {"a": 1}),
    'deploy.environments."a b".zone': (("deploy", "environments", "a b", "zone"), "x"),
    '"Über"': (("Über",), {}),
}


@given(st.sets(st.sampled_from(sorted(_INJECTED))))
def test_every_injected_fault_is_named_and_nothing_else(names: set[str]) -> None:
    table: dict[str, Any] = {"test": {"groups": ["dev"]}, "packages": {"a b": {"test": True}}}
    for name in sorted(names):
        path, value = _INJECTED[name]
        inner = table
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
    found = faults_of(table, Settings, "")
    assert sorted(fault.split(": ")[0] for fault in found) == sorted(names)
    if not names:
        assert laid_over(table) == msgspec.convert(table, Settings)
        return
    with pytest.raises(SettingsError) as raised:
        laid_over(table)
    assert len(raised.value.faults) == len(names)


def test_the_schema_in_the_package_is_that_of_the_model() -> None:
    import importlib.resources

    text = importlib.resources.files("tradai_tasks.settings").joinpath("schema.json").read_text()
    properties = json.loads(text)["$defs"]["Settings"]["properties"]
    assert sorted(properties) == sorted(_TOP)


@pytest.mark.parametrize("name", ["*", "*_KEY", "A B", "A\n", "", "A-B", "1A", "A?"])
def test_a_pattern_of_variables_is_a_whole_name(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"gate-environment": [name]}, ReleaseSettings)
    msgspec.convert({"gate-environment": ["AWS_PROFILE", "MY_*", "A_*_B"]}, ReleaseSettings)
