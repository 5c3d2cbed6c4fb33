"""Secrets are masked in what GitHub Actions shows, and in nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradai_tasks.environment_allowance import Allowance
from tradai_tasks.release.clients.image_reference import Home
from tradai_tasks.release.images.image_tools import open_image_tools
from tradai_tasks.report import mask, mask_environment
from tradai_tasks.settings.images import ImagesSettings

IN_CI = {"GITHUB_ACTIONS": "true"}


def test_each_line_of_a_secret_is_masked_once(capsys: pytest.CaptureFixture[str]) -> None:
    mask(["one%\ntwo", "one%", "", "  "], IN_CI)
    said = capsys.readouterr()
    assert said.err == "::add-mask::one%25\n::add-mask::two\n"
    assert said.out == ""
    mask(["one"], {})
    assert capsys.readouterr() == ("", "")


def test_secrets_of_the_environment_are_known_by_their_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = {
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_SESSION_TOKEN": "b-secret",
        "BINANCE_API_SECRET": "binance-secret",
        "FREQTRADE__EXCHANGE__SECRET": "freqtrade-secret",
        "GITHUB_PAT": "pat-secret",
        "MLFLOW_TRACKING_PASSWORD": "c-secret",
        "MLFLOW_TRACKING_TOKEN": "d-secret",
        "NPM_TOKEN": "npm-secret",
        "REGISTRY_PASSWORD": "e-secret",
        "UV_INDEX_PRIVATE_PASSWORD": "f-secret",
        "PULUMI_CONFIG_PASSPHRASE": "g-secret",
    }
    mask_environment({**IN_CI, **secret, "AWS_ACCESS_KEY_ID": "key-id", "PATH": "/usr/bin"})
    said = sorted(capsys.readouterr().err.split())
    assert said == [f"::add-mask::{value}" for value in sorted(secret.values())]


def test_passwords_in_addresses_are_masked_in_every_spelling(
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = {
        "MLFLOW_TRACKING_URI": "https://user:p%40ss%2Fword@mlflow.example/x",
        "ANYTHING": "see postgresql+psycopg://me:other-pass@db:5432/x and http://plain@host/",
        "https_proxy": "me:proxy-pass@proxy.example:3128",
        "UV_DEFAULT_INDEX": "https://a-long-token@index.example/simple",
    }
    mask_environment({**IN_CI, **env})
    said = set(capsys.readouterr().err.split())
    # the syntax of workflow commands spells % as %25
    secrets = {"p%2540ss%252Fword", "p@ss/word", "other-pass", "a-long-token", "proxy-pass"}
    assert said == {f"::add-mask::{one}" for one in secrets}


def test_what_the_settings_name_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    env = {"MY_TESTS_KEY": "an exchange's key", "MY_TESTS_MODE": "fast", "OTHER": "not a secret"}
    mask_environment({**IN_CI, **env}, allowance=Allowance(named=("MY_TESTS_*",)))
    said = capsys.readouterr().err
    assert "::add-mask::an exchange's key\n" in said
    assert "fast" not in said
    assert "not a secret" not in said


def test_the_registrys_password_is_masked_when_it_is_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {**IN_CI, "REGISTRY_USERNAME": "ci", "REGISTRY_PASSWORD": "s3cret"}
    settings = ImagesSettings(registry="127.0.0.1:5000")
    home = Home(host="127.0.0.1:5000")
    with open_image_tools(settings, home, root=tmp_path, env=env) as tools:
        assert tools.engine.credentials() is not None
        assert tools.engine.credentials() is not None
    assert capsys.readouterr().err == "::add-mask::s3cret\n"
