"""A page as a browser shows it: Chromium without a window and without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.real import need

__all__ = ["Shown", "screenshot"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Shown:
    """What the browser made of a page."""

    dom: str
    picture: Path


def screenshot(page: Path, picture: Path) -> Shown:
    """Show a page, write a picture of it, and return its elements.

    With TRADAI_TASKS_SCREENSHOTS=folder the picture is kept there too.
    """
    browser = next((found for name in _NAMES if (found := shutil.which(name))), None)
    need(browser is not None, "Chromium")
    argv = [
        str(browser), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={picture.parent / 'profile'}",
        "--window-size=1100,3600",
    ]  # fmt: skip
    address = page.resolve().as_uri()
    dom = ""
    for what in ("--dump-dom", f"--screenshot={picture}"):
        done = subprocess.run(
            [*argv, what, address], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert not re.search(r"Refused to|net::ERR", done.stderr), done.stderr
        dom = dom or done.stdout
    kept = os.environ.get("TRADAI_TASKS_SCREENSHOTS")
    if kept:
        shutil.copyfile(picture, Path(kept) / picture.name)
    return Shown(dom=dom, picture=picture)
