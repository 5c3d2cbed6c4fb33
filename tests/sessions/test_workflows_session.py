"""`workflows` and `gate`, in-process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.inprocess import InProcess, Ran
from tests.support.real import git
from tradai_tasks.workflows import file_writer as write
from tradai_tasks.workflows.render import header_of

HEADER = header_of()
PROJECT = {
    "pyproject.toml": '[project]\nname = "a"\nversion = "1.0"\n',
    "src/a/__init__.py": "",
    "tests/test_a.py": "def test_a():\n    pass\n",
}
CI, LINT = ".github/workflows/ci.yml", ".github/workflows/_lint.yml"


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradai_tasks.sessions.ci.workflows.committed_locks", lambda *_: ())


def workflows(run: InProcess, *args: str) -> Ran:
    return run("-s", "workflows", "--", *args)


def test_they_are_written_checked_and_reported(run: InProcess) -> None:
    ran = workflows(run.files(PROJECT))
    assert ran.status == 0, ran.log
    assert f"wrote {CI}" in ran.log
    assert "GitHub reads workflows only at the top of a repository" in ran.log
    (run.home / ".git").mkdir()
    again = workflows(run)
    assert "2 up to date" in again.log
    assert "top of a repository" not in again.log
    checked = workflows(run, "--check")
    assert checked.status == 0
    assert "2 workflow files are as they should be" in checked.log


def test_a_session_to_run_first_that_nobody_has_is_refused(run: InProcess) -> None:
    setting = "\n[tool.tradai-tasks.workflows]\nbefore = "
    noxfile = "\n\n@nox.session\ndef login(session):\n    pass\n"
    run.files(PROJECT)
    with (run.home / "noxfile.py").open("a") as file:
        file.write("import nox\n" + noxfile)
    for names, fault in {
        '["login", "lock", "test(a)", "test"]': None,
        '["login", "nosuch"]': "workflows.before[1]: no session is called 'nosuch'; see `nox -l`",
        '["test(b)"]': "workflows.before[0]: no session is called 'test(b)'",
    }.items():
        (run.home / "pyproject.toml").write_text(PROJECT["pyproject.toml"] + setting + names)
        ran = workflows(run, "--dry-run")
        assert (ran.status == 0) is (fault is None), ran.log
        assert fault is None or f"pyproject.toml: {fault}" in ran.log


def test_a_hand_edit_fails_the_check_with_a_diff(run: InProcess) -> None:
    workflows(run.files(PROJECT))
    file = run.home / CI
    file.write_text(file.read_text().replace("timeout-minutes: 15", "timeout-minutes: 99", 1))
    (run.home / LINT).unlink()
    ran = workflows(run, "--check")
    assert ran.status != 0
    assert "-    timeout-minutes: 99\n+    timeout-minutes: 15\n" in ran.out
    assert (
        f"workflows: {LINT} (missing), {CI} (differs); the diff is above; fix with: "
        f"nox -s workflows."
    ) in ran.log
    assert "99" in file.read_text()
    assert f"rewrote {CI}" in workflows(run).log
    assert workflows(run, "--check").status == 0


def test_somebody_elses_file_is_not_overwritten_unasked(run: InProcess) -> None:
    run.files({**PROJECT, CI: "name: Mine\n", ".github/workflows/other.yaml": "name: Other\n"})
    ran = workflows(run)
    assert ran.status != 0
    assert f"{CI}: there, and not written by tradai-tasks; nothing was written." in ran.log
    assert not (run.home / LINT).exists()
    checked = workflows(run, "--check")
    assert "-name: Mine" in checked.out
    assert "nox -s workflows -- --force" in checked.log
    forced = workflows(run, "--force")
    assert f"overwrote {CI}" in forced.log
    assert (run.home / ".github/workflows/other.yaml").read_text() == "name: Other\n"


def test_only_files_are_workflows(run: InProcess) -> None:
    workflows(run.files(PROJECT))
    (run.home / ".github/workflows/folder.yml").mkdir()
    assert workflows(run, "--check").status == 0
    file = run.home / CI
    file.unlink()
    file.symlink_to(run.home / "nowhere")
    checked = workflows(run, "--check")
    assert checked.status != 0
    assert f"workflows: {CI} (missing)" in checked.log
    for options in ((), ("--force",)):
        ran = workflows(run, *options)
        assert ran.status != 0
        assert f"{CI}: there, and no file; nothing was written; move it away first." in ran.log
        assert file.is_symlink()


def test_a_file_that_no_longer_fits_is_named_and_deleted_when_asked(run: InProcess) -> None:
    stale = ".github/workflows/strategy-ci.yml"
    workflows(run.files({**PROJECT, stale: f"{HEADER}\nname: Old\n"}))
    checked = workflows(run, "--check")
    assert f"{stale} (no longer fits)" in checked.log
    assert "nox -s workflows -- --prune" in checked.log
    kept = workflows(run)
    assert f"{stale}: no longer fits; delete it with: nox -s workflows -- --prune" in kept.log
    assert (run.home / stale).exists()
    assert f"deleted {stale}" in workflows(run, "--prune").log
    assert not (run.home / stale).exists()


def test_a_dry_run_writes_nothing(run: InProcess) -> None:
    ran = workflows(run.files(PROJECT), "--dry-run")
    assert ran.status == 0
    assert f"+++ b/{CI}" in ran.out
    assert f"{CI}: new" in ran.log
    assert not (run.home / ".github").exists()


def test_secrets_are_distinguished_from_the_files(run: InProcess) -> None:
    run.files({**PROJECT, ".github/workflows/x.yml": "a: ${{ secrets.TOKEN }} ${{ vars.B }}\n"})
    ran = workflows(run, "--secrets")
    assert ran.status == 0
    assert [line for line in ran.out.splitlines() if "TOKEN" in line and "x.yml" in line]
    assert [line for line in ran.out.splitlines() if "variable" in line and "B" in line]


def test_without_any_secret_it_says_so(run: InProcess) -> None:
    ran = workflows(run.files(PROJECT), "--secrets")
    assert "the workflows need no secret and no variable" in ran.out


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.yml"
    file.write_text("old")

    def full(self: Path, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write.put(file, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["x.yml"]
    assert file.read_text() == "old"


def needs(**results: str) -> dict[str, str]:
    document = {job: {"result": result, "outputs": {}} for job, result in results.items()}
    return {"NEEDS": json.dumps(document)}


def test_the_gate_opens(run: InProcess, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    env = {**needs(lint="success", perf="skipped"), "GITHUB_STEP_SUMMARY": str(summary)}
    ran = run.files(PROJECT)("-s", "gate", "--", "--may-skip", "perf", env=env)
    assert ran.status == 0, ran.log
    assert "All jobs passed" in ran.out
    assert "| perf | skipped | may be skipped |" in summary.read_text()


def test_the_gate_stays_shut(run: InProcess, tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    env = {**needs(lint="failure", test="cancelled"), "GITHUB_STEP_SUMMARY": str(summary)}
    ran = run.files(PROJECT)("-s", "gate", env={**env, "GITHUB_ACTIONS": "true"})
    assert ran.status != 0
    assert "gate: lint failed; test was cancelled" in ran.log
    assert "::error ::gate: lint failed; test was cancelled" in ran.out
    assert "| lint | failure |" in summary.read_text()


def test_the_gate_without_needs(run: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEEDS", raising=False)
    ran = run.files(PROJECT)("-s", "gate")
    assert ran.status != 0
    assert "gate: NEEDS is not set" in ran.log


DEPLOYED = {
    **PROJECT,
    "services/web/Dockerfile": "FROM x\n",
    "infra/Pulumi.yaml": "name: x\n",
    "infra/Pulumi.prod.yaml": "",
    "pyproject.toml": PROJECT["pyproject.toml"]
    + '[tool.tradai-tasks.deploy.environments.prod]\ncluster = "c"\n',
}


def with_settings(text: str) -> dict[str, str]:
    settings = f"{DEPLOYED['pyproject.toml']}[tool.tradai-tasks.workflows]\n{text}\n"
    return {**DEPLOYED, "pyproject.toml": settings}


def test_what_to_set_up_is_printed_for_the_repository_at_hand(run: InProcess) -> None:
    run.files(DEPLOYED)
    git(run.home, "init", "-q", "-b", "main")
    nameless = workflows(run, "--trust")
    assert nameless.status != 0
    assert "the remote `origin` names no repository; give it as owner/name" in nameless.log
    git(run.home, "remote", "add", "origin", "git@github.example:acme/platform.git")
    ran = run("-s", "workflows", "--", "--trust", env={"AWS_ACCOUNT_ID": "123456789012"})
    assert ran.status == 0, ran.log
    assert '"repo:acme/platform:environment:prod"' in ran.out
    assert "arn:aws:iam::123456789012:oidc-provider/" in ran.out
    assert not (run.home / ".github").exists()
    other = workflows(run, "--trust", "--repository", "x/y")
    assert '"repo:x/y:environment:prod"' in other.out
    assert "acme" not in other.out
    alone = workflows(run, "--repository", "x/y")
    assert alone.status != 0
    assert "--repository and --ids go with --trust" in alone.log
    odd = workflows(run, "--trust", "--repository", "x")
    assert odd.status != 0
    assert "Traceback" not in odd.log


def test_roles_that_would_give_a_pull_request_too_much_are_refused(run: InProcess) -> None:
    ran = workflows(run.files(with_settings('roles = { preview = "vars.A", deploy = "vars.A" }')))
    assert ran.status != 0
    assert "pyproject.toml: workflows.roles.preview: vars.A is also the role to deploy" in ran.log
    assert not (run.home / ".github").exists()
    unknown = workflows(run.files(with_settings('roles.deploy = { prd = "vars.P" }')))
    assert unknown.status != 0
    assert "workflows.roles.deploy.prd: there is no such environment" in unknown.log
    old = workflows(run.files(with_settings('aws-role = "vars.A"')))
    assert old.status != 0
    assert "workflows.aws-role: unknown key; there is a role for each purpose now" in old.log
    assert "write workflows.roles, such as:" in old.log


def test_static_keys_are_warned_of(run: InProcess) -> None:
    ran = workflows(run.files(with_settings('aws = "keys"')))
    assert ran.status == 0, ran.log
    assert "static keys: jobs that run code of any branch or pull request" in ran.log
    assert "(deploy-infra.yml: preview-all) get the same keys" in ran.log
    assert "docker-build.yml: deploy" in ran.log
    assert "static keys" not in workflows(run.files(DEPLOYED)).log


def test_a_session_of_the_users_in_place_of_ours_keeps_the_workflow(run: InProcess) -> None:
    register = "import nox\nimport tradai_tasks\n\ntradai_tasks.register(exclude=['lint'])\n"
    own = "\n\n@nox.session\ndef lint(session):\n    pass\n"
    run.files({**PROJECT, "noxfile.py": register + own})
    assert f"wrote {CI}" in workflows(run).log
    checked = workflows(run, "--check")
    assert checked.status == 0, checked.log
    (run.home / "noxfile.py").write_text(register)
    without = workflows(run, "--check")
    assert without.status != 0
    said = " ".join(without.log.split())
    assert "ci.yml does not fit, since it needs the session lint" in said
    assert "_lint.yml (no longer fits)" in said
