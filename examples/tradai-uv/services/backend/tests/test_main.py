from pathlib import Path
from unittest import mock

from backend import __main__ as program
from backend.settings import Settings, load_settings
from tradai.data.storage import MemoryStore, SqliteStore


def test_settings_have_defaults() -> None:
    assert load_settings({"BACKEND_PORT": "9000"}) == Settings(port=9000)


def test_the_store_follows_the_settings(tmp_path: Path) -> None:
    assert isinstance(program.open_store(Settings()), MemoryStore)
    in_a_file = Settings(database=str(tmp_path / "candles.db"))
    assert isinstance(program.open_store(in_a_file), SqliteStore)


def test_it_serves_where_the_settings_say() -> None:
    environ = {"BACKEND_HOST": "127.0.0.2", "BACKEND_PORT": "9000"}
    with (
        mock.patch.dict("os.environ", environ),
        mock.patch("uvicorn.run") as run,
        mock.patch("backend.__main__.configure") as configure,
    ):
        program.main()
    configure.assert_called_once_with("backend", level="INFO")
    assert run.call_args.kwargs == {"host": "127.0.0.2", "port": 9000, "log_config": None}
