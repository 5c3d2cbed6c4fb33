"""Who reads a file that is no module: code of other packages that names it in a string."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.affected.test_files_read import changed
from tests.support.affected_shop import FILES, repository
from tests.support.real import write


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The packages `base`, `app` that needs it, and `alone`."""
    return repository(tmp_path / "shop", FILES)


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ('open("../base/src/base/rates.json")', {"alone"}),
        ('glob("../base/src/base/*.json")', {"alone"}),
        ('Path("../base").rglob("*.json")', {"alone"}),
        ('ROOT.glob("libs/*/src/*/rates.json")', {"alone"}),
        ('open(HERE + "/../../base/src/base/rates.json")', {"alone"}),
        ('open(f"{HERE}/../../{PKG}/src/{PKG}/rates.json"); PKG = "base"', {"alone"}),
        ('run("cat ../base/src/base/rates.json", shell=True)', {"alone"}),
        ('(HERE / "rates.json").read_text()', set()),
        ('run("cat ../base/src/base/others.json", shell=True)', set()),
    ],
)
def test_data_of_a_package_that_others_name_by_its_path(
    shop: Path, code: str, packages: set[str]
) -> None:
    write(shop, {"libs/alone/tests/test_rates.py": f"def test_it():\n    {code}\n"})
    selection = changed(shop, "libs/base/src/base/rates.json")
    assert set(selection.affected("packages")) == {"app", "base"} | packages
