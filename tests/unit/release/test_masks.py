"""Secrets are masked in what GitHub Actions shows, and in nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradai_tasks.release.image_room import image_room
from tradai_tasks.release.reference import Home
from tradai_tasks.report import mask, mask_environment
from tradai_tasks.settings import ImagesSettings

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
        "AWS_SECRET_ACCESS_KEY": "a",
        "AWS_SESSION_TOKEN": "b",
        "MLFLOW_TRACKING_PASSWORD": "c",
        "MLFLOW_TRACKING_TOKEN": "d",
        "REGISTRY_PASSWORD": "e",
        "UV_INDEX_PRIVATE_PASSWORD": "f",
        "PULUMI_CONFIG_PASSPHRASE": "g",
    }
    mask_environment({**IN_CI, **secret, "AWS_ACCESS_KEY_ID": "x", "PATH": "y", "TOKENS": "z"})
    said = sorted(capsys.readouterr().err.split())
    assert said == [f"::add-mask::{value}" for value in sorted(secret.values())]


def test_the_registrys_password_is_masked_when_it_is_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {**IN_CI, "REGISTRY_USERNAME": "ci", "REGISTRY_PASSWORD": "s3cret"}
    settings = ImagesSettings(registry="127.0.0.1:5000")
    home = Home(host="127.0.0.1:5000")
    with image_room(settings, home, root=tmp_path, env=env) as room:
        assert room.engine.credentials() is not None
        assert room.engine.credentials() is not None
    assert capsys.readouterr().err == "::add-mask::s3cret\n"
