import shlex
from unittest import mock

import pytest

from mlflow_service.__main__ import main
from mlflow_service.command import CommandError, server_command
from mlflow_service.settings import Settings, load_settings


def test_settings_become_options() -> None:
    environ = {"MLFLOW_SERVICE_PORT": "5001", "MLFLOW_SERVICE_ARTIFACTS": "s3://models/all files"}
    command = server_command(load_settings(environ))
    options = dict(zip(command[2::2], command[3::2], strict=False))
    assert command[:2] == ["mlflow", "server"]
    assert options["--port"] == "5001"
    assert options["--artifacts-destination"] == "s3://models/all files"


@pytest.mark.parametrize(("workers", "words"), [(0, "at least 1"), (2, "one writer")])
def test_settings_must_go_together(workers: int, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        server_command(Settings(workers=workers))


def test_a_database_server_takes_several_workers() -> None:
    settings = Settings(workers=4, backend_store="postgresql://db/mlflow")
    assert server_command(settings)[-1] == "4"


def test_the_command_is_printed_for_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.dict("os.environ", {"MLFLOW_SERVICE_ARTIFACTS": "all files"}):
        assert main(["command"]) == 0
    assert "all files" in shlex.split(capsys.readouterr().out)
