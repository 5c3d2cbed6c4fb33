"""What an image of a strategy reports, and the secrets in its configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradai_tasks.errors import BacktestError
from tradai_tasks.release.images.image_probe import unloaded
from tradai_tasks.release.images.strategy_image import (
    ImageFindings,
    config_faults,
    why_not_loaded,
)


def findings(folder: Path, said: str, *, out: str = "Bot\n", status: int = 0) -> ImageFindings:
    return ImageFindings(
        freqtrade="/bin/freqtrade", packages={}, files={}, env={}, status=status, out=out, err=said,
        unloaded=tuple(unloaded(said, "Bot")),
    )  # fmt: skip


def test_only_the_strategys_own_file_must_be_imported(tmp_path: Path) -> None:
    bot, tool, gone = (tmp_path / name for name in ("bot.py", "tool.py", "gone.py"))
    bot.write_text("import helper\nclass Bot(IStrategy):\n    pass\n")
    tool.write_text("import plots  # from Bot\n")
    line = "2026-01-01 - freqtrade.resolvers - WARNING - Could not import {} due to 'No module x'"
    helper = findings(tmp_path, f"{line.format(tool)}\n")
    assert why_not_loaded(helper, "Bot") == ""
    both = findings(tmp_path, f"{line.format(bot)}\n{line.format(tool)}\n")
    assert f"Could not import {bot} due to 'No module x'" in why_not_loaded(both, "Bot")
    assert str(gone) in why_not_loaded(findings(tmp_path, line.format(gone)), "Bot")


def test_a_strategy_that_is_not_listed_is_not_loaded(tmp_path: Path) -> None:
    assert why_not_loaded(findings(tmp_path, "", out="Other\n"), "Bot") == "it printed nothing"
    crashed = findings(tmp_path, "x - ERROR - Fatal exception!\n", status=1)
    assert why_not_loaded(crashed, "Bot") == "x - ERROR - Fatal exception!"


CONFIG = '{"exchange": {"name": "binance"}, "add_config_files": ["../../keys.txt"]}'


def test_a_file_that_is_added_from_another_folder_is_looked_at() -> None:
    further = {
        "bots/a/configs/config.json": CONFIG.encode(),
        "bots/keys.txt": b'{"my_token": "marked", "add_config_files": ["/etc/live.json"]}',
        "/etc/live.json": b"{}",
    }
    files = {"bots/a/configs/config.json": CONFIG}
    (fault,) = config_faults(files, {}, further.get)
    assert fault.startswith("bots/keys.txt: holds a secret, my_token; take it out")
    assert config_faults(files, {}) == []  # in an image, it is among the files
    further["live.conf"] = b'{"exchange": {"secret": "marked"}}'
    faults = config_faults(files, {}, further.get, ["bots/../live.conf"])
    assert [one.partition(";")[0] for one in faults] == [
        "bots/keys.txt: holds a secret, my_token",
        "live.conf: holds a secret, exchange.secret",
    ]


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (b"nonsense", "bots/keys.txt: not a configuration of freqtrade: Expecting value"),
        (b'{"add_config_files": "x"}', "bots/keys.txt: add_config_files is no list of paths"),
        (b'{"add_config_files": ["keys.txt"]}', "bots/keys.txt: files that add each other without"),
    ],
)
def test_an_added_file_that_cannot_be_read_is_an_error(added: bytes, said: str) -> None:
    config = "bots/a/configs/config.json"
    further = {config: CONFIG.encode(), "bots/keys.txt": added}
    with pytest.raises(BacktestError, match=said):
        config_faults({config: CONFIG}, {}, further.get)
