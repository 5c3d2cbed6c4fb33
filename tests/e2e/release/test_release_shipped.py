"""What is judged is what is shipped: the same commit, the same packages, and no secrets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.bases import import_python
from tests.support.freqtrade import install
from tests.support.real import Result, edit, failed_with, git, nox
from tests.support.release_yard import BASE, Yard, figures, tags_of
from tradai_tasks.backtest.record import BacktestRecord
from tradai_tasks.errors import ConfigSecretError, ImageDiffersError
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.images.engine_commands import Build
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.release.images.strategy_image import StrategyJudge
from tradai_tasks.settings.images import ImagesSettings

TAG = "momentum-v1.0.0"


@pytest.fixture(scope="module")
def record(yard: Yard, first: Result) -> BacktestRecord:
    held = figures(yard.evidence(TAG), "backtest-full")["steps"]["momentum"]["record"]["backtest"]
    return BacktestRecord.from_json(json.dumps(held))


def test_a_release_from_a_second_clone_changes_nothing(
    yard: Yard, record: BacktestRecord, tmp_path: Path
) -> None:
    source = git(yard.home.parent / "tradai-uv", "rev-parse", "HEAD")
    assert record.sources == {"tradai-strategy": source}
    assert record.packages["freqtrade"] == record.freqtrade
    assert tags_of(yard.version_of("1.0.0"))["source.tradai-strategy"] == source
    assert "uv.lock" in figures(yard.evidence(TAG), "backtest-full")["files"]
    second = yard.home.parent / "second"
    git(yard.home.parent, "clone", "-q", str(yard.home), str(second))
    lock = second / "strategies" / "momentum" / "uv.lock"
    assert lock.is_file()
    git(second, "switch", "-q", "-C", "main", TAG)
    install(second, "momentum", yard.repo.shared)
    before = (yard.digests(), yard.versions(), yard.aliases())
    yard.forget()
    again = nox(second, "-s", "release", "--", TAG, env=yard.env, timeout=900)
    assert again.status == 0, again.text
    assert yard.writes() == []
    assert (yard.digests(), yard.versions(), yard.aliases()) == before
    shutil.rmtree(second)


def test_what_is_in_no_commit_is_refused_and_named(yard: Yard, first: Result) -> None:
    yard.forget()
    library = yard.home.parent / "tradai-uv" / "libs" / "tradai-strategy" / "src"
    sizing = library / "tradai_strategy" / "sizing.py"
    was = sizing.read_text()
    sizing.write_text(f"{was}# changed\n")
    failed_with(
        yard.release(TAG), "src/tradai_strategy/sizing.py is not committed; commit it there"
    )
    sizing.write_text(was)
    (library.parents[2] / ".git" / "info" / "exclude").write_text("params.json\n")
    ignored = library / "tradai_strategy" / "params.json"
    ignored.write_text("{}")
    failed_with(
        yard.release(TAG), "src/tradai_strategy/params.json is ignored by git, so it is in no"
    )
    ignored.unlink()
    (yard.home / ".git" / "info" / "exclude").write_text("bot.json\n")
    hyperopt = yard.repo.strategy / "src" / "momentum" / "bot.json"
    hyperopt.write_text("{}")
    failed_with(yard.release(TAG), "strategies/momentum/src/momentum/bot.json is ignored by git")
    failed_with(yard.repo.nox("backtest-smoke"), "src/momentum/bot.json is ignored by git")
    hyperopt.unlink()
    assert yard.writes() == []


def test_a_path_source_of_another_commit_is_refused(yard: Yard, first: Result) -> None:
    library = yard.home.parent / "tradai-uv"
    commit = git(library, "rev-parse", "HEAD")
    file = library / "libs" / "tradai-strategy" / "README.md"
    file.write_text("Another\n")
    git(library, "commit", "-qam", "Another")
    made = yard.home / "build"
    kept = shutil.copytree(made, yard.home.parent / "kept", symlinks=True)
    (yard.evidence(TAG) / "backtest-full.json").unlink()  # the one gate that runs again
    yard.forget()
    try:
        failed_with(
            yard.release(TAG),
            f"holds tradai-strategy of commit {commit[:12]}, and the backtest ran with "
            f"{git(library, 'rev-parse', 'HEAD')[:12]}",
        )
        assert yard.writes() == []
    finally:
        git(library, "reset", "-q", "--hard", commit)
        shutil.rmtree(made)
        kept.rename(made)


def test_a_secret_in_a_configuration_is_refused_before_anything_runs(
    yard: Yard, first: Result
) -> None:
    config = yard.repo.strategy / "configs"
    (config / "keys.json").write_text(
        '{ // of the live bot\n"exchange": {"key": "marked-key", "secret": ""},}'
    )
    (yard.home / "shared.json").write_text('{"telegram": {"token": "marked-shared"}}')
    added = '"add_config_files": ["keys.json", "../../../shared.json"]'
    edit(config / "config.json", '"dry_run": true', added)
    (yard.repo.strategy / "live.env").write_text("FREQTRADE__TELEGRAM__TOKEN=marked-token\n")
    tag = yard.commit("1.0.1")
    yard.forget()
    result = yard.release(tag)
    failed_with(
        result,
        "strategies/momentum/configs/keys.json: holds a secret, exchange.key; take it out",
        "strategies/momentum/live.env: holds a secret, FREQTRADE__TELEGRAM__TOKEN",
        "shared.json: holds a secret, telegram.token",
    )
    assert "marked-" not in result.text
    assert "to be run" not in result.log
    assert yard.writes() == []
    git(yard.home, "tag", "-d", tag)
    git(yard.home, "reset", "-q", "--hard", TAG)


def test_a_lock_that_is_not_committed_is_refused(yard: Yard, first: Result) -> None:
    git(yard.home, "rm", "-q", "--cached", "strategies/momentum/uv.lock")
    (yard.home / ".git" / "info" / "exclude").write_text("uv.lock\n")
    git(yard.home, "commit", "-qm", "No lock")
    git(yard.home, "tag", "-f", "momentum-v1.0.0", "HEAD")
    try:
        failed_with(yard.release(TAG), "uv.lock: is not in commit", "commit the file, and tag that")
    finally:
        git(yard.home, "reset", "-q", "--hard", "HEAD~1")
        git(yard.home, "tag", "-f", TAG, "HEAD")
        (yard.home / ".git" / "info" / "exclude").write_text("")


# --- the image itself, started --------------------------------------------------------------------

ENTRY = (
    'ENTRYPOINT ["freqtrade", "trade"]\n'
    'CMD ["--config", "/c.json", "--strategy-path", "/app/src/momentum"]\n'
)
COPIED = "COPY app /app\nCOPY app/configs/config.json /c.json\n"
INSTALL = "RUN pip install --no-cache-dir --find-links /app/wheels /app\n"
OTHER = "s/sizing.py,sha256=./sizing.py,sha256=_/"
PACKAGES = "/usr/local/lib/python3.*/site-packages"


@dataclass
class Workshop:
    """Images of the strategy, and what judges them; the others are made of the honest one."""

    yard: Yard
    record: BacktestRecord
    folder: Path

    @property
    def wheels(self) -> list[Path]:
        return sorted((self.folder / "app" / "wheels").glob("*.whl"))

    def image(self, name: str) -> str:
        return f"{self.yard.registry.host}/judged:{name}"

    def build(self, name: str, dockerfile: str) -> None:
        file = self.folder / f"{name}.Dockerfile"
        file.write_text(dockerfile)
        with self.tools() as tools:
            build = Build(
                image=self.image(name), dockerfile=file, context=self.folder,
                platform="linux/amd64", labels={}, build_args={}, network="host",
            )  # fmt: skip
            tools.engine.build(build, "judged")

    def judge(self, name: str, record: BacktestRecord | None = None) -> None:
        held = json.loads((record or self.record).as_json())
        known = {"backtest-full": {"momentum": {"backtest": held}}}
        judge = StrategyJudge(slug="momentum", stage="backtest-full")
        with self.tools() as tools:
            judge.judge_built(known, tools.engine, self.image(name), self.wheels)

    def tools(self) -> AbstractContextManager[ImageTools]:
        host = self.yard.registry.host
        settings = ImagesSettings(registry=host, network="host", login="none")
        env = {**self.yard.env, "PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return open_image_tools(settings, Home(host=host), root=self.folder, env=env)


@pytest.fixture(scope="module")
def workshop(
    yard: Yard, record: BacktestRecord, tmp_path_factory: pytest.TempPathFactory
) -> Workshop:
    made = Workshop(yard, record, tmp_path_factory.mktemp("judged"))
    shutil.copytree(yard.repo.strategy, made.folder / "app")
    library = yard.home.parent / "tradai-uv" / "libs" / "tradai-strategy"
    argv = ["uv", "build", "-q", "--wheel", "--out-dir", str(made.folder / "app" / "wheels")]
    subprocess.run([*argv, str(library)], check=True, cwd=made.folder)
    made.build("honest", f"FROM {BASE}\n{COPIED}{INSTALL}{ENTRY}")
    return made


def test_an_image_is_compared_with_what_was_backtested(workshop: Workshop) -> None:
    workshop.judge("honest")
    packages = {**workshop.record.packages, "freqtrade": "2025.6", "x": "1"}
    with pytest.raises(ImageDiffersError) as bad:
        workshop.judge("honest", replace(workshop.record, packages=packages))
    assert "freqtrade is 2026.9 in the image and 2025.6 in the backtest" in str(bad.value)
    assert "x 1 is missing from the image" in str(bad.value)


def test_a_helper_that_only_another_bot_imports_may_be_broken(workshop: Workshop) -> None:
    line = "RUN echo 'import nothing_of_the_kind' > /app/src/momentum/plots.py\n"
    workshop.build("helper", f"FROM {workshop.image('honest')}\n{line}")
    workshop.judge("helper")


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("missing", f"rm -r {PACKAGES}/humanize*", "humanize .* is missing from the image"),
        (
            "oldcode",
            f"sed -i {OTHER} {PACKAGES}/tradai_strategy-*/RECORD",
            "tradai-strategy in the image is not the one backtested: .*sizing.py is another",
        ),
        (
            "broken",
            "echo 'import nothing_of_the_kind' >> /app/src/momentum/bot.py",
            "freqtrade in it does not load MomentumBot: .*nothing_of_the_kind",
        ),
    ],
)
def test_an_image_of_something_else_is_refused(
    workshop: Workshop, name: str, line: str, said: str
) -> None:
    workshop.build(name, f"FROM {workshop.image('honest')}\nRUN {line}\n")
    with pytest.raises(ImageDiffersError, match=said):
        workshop.judge(name)


def test_a_secret_that_a_build_puts_into_an_image_is_refused(workshop: Workshop) -> None:
    made = (
        'RUN echo \'{"telegram": {"token": "marked"}}\' > /opt.json\n'
        "ENV FREQTRADE__EXCHANGE__SECRET=marked\n"
    )
    workshop.build("secret", f"FROM {workshop.image('honest')}\n{made}")
    with pytest.raises(ConfigSecretError) as bad:
        workshop.judge("secret")
    assert "/opt.json: holds a secret, telegram.token" in str(bad.value)
    assert "its environment holds a secret, FREQTRADE__EXCHANGE__SECRET" in str(bad.value)
    assert "marked" not in str(bad.value).replace(workshop.image("secret"), "")


def test_a_base_image_with_another_freqtrade_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    old = "stand-in/freqtrade:2025.6"
    stubs = ("pandas==2.3.3", "freqtrade==2025.6", "tradai-strategy==1.0.0", "numpy==2.4.6")
    import_python(workshop.yard.env["DOCKER_HOST"], tmp_path / "base", old, stubs=stubs)
    program = (
        "RUN echo '#!/usr/local/bin/python3' > /usr/local/bin/freqtrade && "
        "chmod +x /usr/local/bin/freqtrade\n"
    )
    workshop.build("old", f"FROM {old}\n{COPIED}{program}{ENTRY}")
    with pytest.raises(ImageDiffersError) as bad:
        workshop.judge("old")
    said = f"freqtrade is 2025.6 in the image and {workshop.record.freqtrade} in the backtest"
    assert said in str(bad.value)
