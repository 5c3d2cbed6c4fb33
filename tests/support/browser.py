"""A page as a browser shows it: Chromium without a window and without a network."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.real import need

__all__ = ["OpenPage", "Shown", "screenshot"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def _browser() -> str:
    found = next((found for name in _NAMES if (found := shutil.which(name))), None)
    need(found is not None, "Chromium")
    return str(found)


@dataclass(frozen=True)
class Shown:
    """What the browser made of a page."""

    dom: str
    picture: Path


def screenshot(page: Path, picture: Path) -> Shown:
    """Show a page, write a picture of it, and return its elements.

    With TRADAI_TASKS_SCREENSHOTS=folder the picture is kept there too.
    """
    profile = picture.parent / "profile"
    argv = [_browser(), *_QUIET, f"--user-data-dir={profile}", "--window-size=1100,3600"]
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


# the browser reads commands from 3 and answers on 4
_START = """
import fcntl, os, sys
away = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3]]
os.dup2(away[0], 3)
os.dup2(away[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class OpenPage:
    """A page in a headless browser, by the DevTools protocol over two pipes."""

    def __init__(self, page: Path, profile: Path, *, script: bool = True, dark: bool = False):
        to_browser, ours = os.pipe()
        theirs, from_browser = os.pipe()[::-1]
        argv = [_browser(), *_QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(to_browser), str(theirs), *argv],
            pass_fds=(to_browser, theirs),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(theirs)
        self._out, self._in = os.fdopen(ours, "wb", 0), os.fdopen(from_browser, "rb")
        self._number = 0
        self._buffer = b""
        self.complaints: list[str] = []
        self._session: dict[str, str] = {}
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Log", "Runtime", "Network"):
            self._ask(f"{domain}.enable")
        self._ask("Emulation.setScriptExecutionDisabled", value=not script)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Page.navigate", url=page.resolve().as_uri())
        while self._event()["method"] != "Page.loadEventFired":
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ask("Browser.close")
        self._process.wait(30)
        self._out.close()
        self._in.close()

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def text(self, selector: str) -> str:
        """The text of the first element, as it is shown."""
        one = f"document.querySelector({json.dumps(selector)})"
        return str(self.value(f"{one}.innerText ?? {one}.textContent"))

    def press(self, key: str) -> None:
        """Press one key."""
        code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key, ord(key[0]))
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or code == 13 else {}
        more: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, **text}
        self._ask("Input.dispatchKeyEvent", type="keyDown", **more)
        self._ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def write(self, text: str) -> None:
        """Enter a text where the focus is."""
        self._ask("Input.insertText", text=text)

    def picture(self, file: Path) -> Path:
        """Write a picture of the page."""
        data = self._ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(data))
        kept = os.environ.get("TRADAI_TASKS_SCREENSHOTS")
        if kept:
            shutil.copyfile(file, Path(kept) / file.name)
        return file

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params, **self._session}
        self._out.write(json.dumps(asked).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])

    def _event(self) -> dict[str, Any]:
        while "method" not in (message := self._message()):
            pass
        return message

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            read = os.read(self._in.fileno(), 1 << 20)
            assert read, "the browser has gone"
            self._buffer += read
        head, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(head)
        if message.get("method") in {"Log.entryAdded", "Runtime.exceptionThrown"}:
            self.complaints.append(str(message["params"]))
        if message.get("method") == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.complaints.append(f"asked for {url}")
        return message
