"""Which sessions a repository has, and what is said of a name that is none."""

from __future__ import annotations

import pytest

from tests.support.inprocess import InProcess, failed
from tests.support.platform_sessions import PLATFORM, ROOT, STRATEGIES, names
from tests.support.trees import project


def test_a_platform_lists_its_sessions_and_check_alone_is_default(run: InProcess) -> None:
    ran = run.files(PLATFORM)("-l")
    assert names(ran) == [
        "fmt", "lint", "typecheck", "test(a)", "test(b)", "security",
        "inventory", "results", "lock", "bump",
        "doctor",
        "changes", "affected", "perf(a)", "integration",
        "tag", "gate", "workflows",
        "release", "build", "publish",
        "codeartifact-login", "check", "ratchet",
    ]  # fmt: skip
    chosen = {line[2:].split(" ")[0] for line in ran.out.splitlines() if line.startswith("* ")}
    assert chosen == {"lint", "typecheck", "test(a)", "test(b)", "check"}


def test_strategies_list_a_session_each(run: InProcess) -> None:
    listed = names(run.files(STRATEGIES)("-l"))
    assert {"lint(fast)", "fmt(slow)", "typecheck(fast)", "test(slow)", "ci(fast)", "ci"} <= set(
        listed
    )
    assert "contract" not in listed


def test_several_pythons_name_the_tests_after_them(run: InProcess) -> None:
    settings = '[tool.tradai-tasks]\npython = ["3.11", "3.12"]\n'
    files = {**PLATFORM, "pyproject.toml": ROOT + settings}
    listed = names(run.files(files)("-l"))
    assert {"test-3.11(a)", "test-3.12(a)", "test-3.12(b)"} <= set(listed)
    one = {**PLATFORM, "pyproject.toml": ROOT + '[tool.tradai-tasks]\npython = "3.12"\n'}
    assert "test(a)" in names(run.files(one)("-l"))


def test_sessions_can_be_left_out_for_ones_own(run: InProcess) -> None:
    noxfile = (
        "import nox\nimport tradai_tasks\n\n"
        'tradai_tasks.register(exclude="lint", settings={"packages": {"b": {"test": False}}})\n\n\n'
        "@nox.session\ndef lint(session):\n    session.run('mine')\n"
    )
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    assert names(ran).count("lint") == 1
    assert "test(b)" not in names(ran)
    bad = noxfile.replace('exclude="lint"', 'exclude=["lnt", "perf"]')
    failed(
        run.files({"noxfile.py": bad})("-l"),
        "tradai-tasks: register(exclude=...): no session is called 'lnt'; did you mean 'lint'?",
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("exclude=3", "register(exclude=...): expected names of sessions, got `int`"),
        ("exclude=[3]", "register(exclude=...): expected names of sessions, got `int`"),
        ("settings='x'", "register(settings=...): expected a table, got `str`"),
        ("settings={3: 4}", "3: expected the name of a key, got `int`"),
    ],
)
def test_register_says_what_it_cannot_take(run: InProcess, call: str, said: str) -> None:
    noxfile = f"import tradai_tasks\n\ntradai_tasks.register({call})\n"
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    failed(ran, said)
    assert (ran.status, len(ran.log.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("own", "given", "what", "hint"),
    [
        (["perf"], "", "a session 'perf'", "['perf']"),
        (["check", "other", "test", "lint"], "", "sessions 'check', 'lint', 'test'", None),
        (["test", "lint"], "exclude=['typecheck', 'lint']", "a session 'test'", None),
    ],
)
def test_sessions_that_are_there_already_are_not_overridden(
    run: InProcess, own: list[str], given: str, what: str, hint: str | None
) -> None:
    """All of them are named at once, and the hint is all that is to be written."""
    defined = "".join(f"@nox.session\ndef {name}(session): ...\n\n" for name in own)
    noxfile = f"import nox\nimport tradai_tasks\n\n{defined}tradai_tasks.register({given})\n"
    ran = run.files({**PLATFORM, "noxfile.py": noxfile})("-l")
    said = f"tradai-tasks: register(): the noxfile has {what} already; leave the library's out: "
    failed(ran, said + (f"register(exclude={hint})" if hint else "register(exclude=["))
    assert ran.status == 2
    called = ran.log.rpartition("out: ")[2].strip()
    fixed = noxfile.replace(f"register({given})", called)
    assert run.files({**PLATFORM, "noxfile.py": fixed})("-l").status == 0


def test_the_same_python_twice_is_one(run: InProcess) -> None:
    settings = '[tool.tradai-tasks]\npython = ["3.11", "3.11"]\n'
    ran = run.files({**PLATFORM, "pyproject.toml": ROOT + settings})("-l")
    assert names(ran).count("test-3.11(a)") == 1


def test_a_fault_in_the_settings_is_one_line_and_status_2(run: InProcess) -> None:
    files = {**PLATFORM, "pyproject.toml": ROOT + "[tool.tradai-tasks]\nx = 1\ny = 1\n"}
    ran = run.files(files)("-l")
    assert ran.status == 2
    assert len(ran.log.strip().splitlines()) == 2


def test_tags_select_a_package(run: InProcess) -> None:
    listed = run.files(PLATFORM)("-l", "-t", "a").out
    assert "* test(a)" in listed
    assert "* perf(a)" in listed
    assert "* test(b)" not in listed


@pytest.mark.parametrize(
    "args",
    [["-s", "check"], ["--session", "check"], ["-e", "check", "lint"], ["-s", "test(a)", "check"]],
)
def test_aggregates_refuse_arguments_before_anything_runs(run: InProcess, args: list[str]) -> None:
    ran = run.files(PLATFORM)(*args, "--", "-x")
    failed(ran, "check: takes no arguments after `--`")
    assert ran.commands == []
    assert run("-s", "test(a)", "--", "--co").starting("python")


def test_an_aggregate_named_by_the_environment_refuses_too(run: InProcess) -> None:
    failed(run.files(PLATFORM)("--", "-x", env={"NOXSESSION": "check"}), "takes no arguments")


def test_an_unknown_session_is_noxs_own_line(run: InProcess) -> None:
    failed(run.files(PLATFORM)("-s", "nope(a)"), "Sessions not found: nope(a)")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-s", "test(aa)"], "test(aa): no package of that name; did you mean 'a'?"),
        (["-s", "lint", "test(nope)"], "test(nope): no package of that name"),
        (["-rs", "test(nope)"], "test(nope): no package of that name"),
        (["--session=perf(nope)", "--", "-x"], "perf(nope): no package of that name"),
        (["-s", "test(A)"], "test(A): no such session; write it test(a)"),
        (["-s", "test-3.12(a)"], "test-3.12(a): no such session; there is test(a)"),
        (["-s", "test(off)"], "test(off): no such session; settings say that off has no tests"),
        (
            ["-s", "test(c)"],
            "test(c): no such session; c has no tests of its own, it is tested by test(root)",
        ),
        (["-s", "perf(d)"], "perf(d): no such session; d has no tests"),
    ],
)
def test_a_packages_session_that_is_not_there_is_one_line_with_the_reason(
    run: InProcess, args: list[str], said: str
) -> None:
    files = {
        **PLATFORM,
        "libs/c/pyproject.toml": project("c"),
        "libs/c/src/c/__init__.py": "",
        "libs/d/pyproject.toml": project("d"),
        "libs/off/pyproject.toml": project("off", "[tool.tradai-tasks]\ntest = false"),
        "libs/off/src/off/__init__.py": "",
        "tests/test_c.py": "",
    }
    ran = run.files(files)(*args)
    failed(ran, f"tradai-tasks: {said}")
    assert (ran.status, len(ran.log.splitlines()), ran.commands) == (2, 1, [])


def test_a_root_whose_tests_all_have_sessions_of_their_own_says_so(run: InProcess) -> None:
    root = f'[project]\nname = "whole"\nversion = "1"\n{ROOT}'
    marked = "import pytest\n\npytestmark = pytest.mark.contract\n"
    files = {**PLATFORM, "pyproject.toml": root, "tests/test_all.py": marked}
    failed(
        run.files(files)("-s", "test(whole)"),
        "test(whole): no such session; all tests of whole have sessions of their own: contract",
    )


def test_a_package_named_by_the_environment_is_checked_too(run: InProcess) -> None:
    ran = run.files(PLATFORM)(env={"NOXSESSION": "lint, test(nope)"})
    failed(ran, "test(nope): no package of that name")
    assert run("-s", "lint", env={"NOXSESSION": "test(nope)"}).status == 0
