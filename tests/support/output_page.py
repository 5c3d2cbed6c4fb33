"""Blocks of docs/output.md, each the output of a real run, and what may differ between two runs."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.real import REPOSITORY

PAGE = REPOSITORY / "docs" / "output.md"
_BLOCK = r"(<!-- output of: {} -->\n```console\n).*?(^```$)"
_HOME = "/home/you/tradai-uv"
_LEFT_OUT = re.compile(  # what uv and pytest say of this machine, and where reports are
    r"^(?: *(?:Resolved|Checked|Installed|Prepared|Uninstalled|Audited|Using|Building|Built|"
    r"Downloading|Downloaded) | [-+~] |platform |benchmark: |plugins: |rootdir: |_+ coverage: |"
    r"- generated xml|Coverage (?:XML|JSON) written|nox > (?:Creating|Reusing|pip-audit --)).*\n",
    re.MULTILINE,
)
_TIME = r"(?:a|an|[\d.]+) ?(?:s|ms|seconds?|minutes?)"
_VARYING = re.compile(
    rf"(?:[,;]? ?\(?(?:took |in )?{_TIME}\b\)?|\d+(?:\.\d+){{2,}}|\d+ of \d+ locked|=+|\.$)",
    re.MULTILINE,
)


def shown(text: str, home: Path) -> str:
    """Return a run's output as the page has it."""
    text = _LEFT_OUT.sub("", text.replace(str(home), _HOME))
    text = re.sub(r"[\w./-]*/(?=mypy\.xml)", "/tmp/", text)
    text = re.sub(r"(?<= )/\S+/uv(?= )", "uv", text)  # where uv is not on PATH
    text = re.sub(r"^(error: .*)\n +(?=\S)", r"\1 ", text, flags=re.MULTILINE)  # which uv wraps
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def block(name: str) -> str:
    """Return a block of the page, without the command."""
    found = re.search(_BLOCK.format(name), PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"docs/output.md has no block of {name!r}"
    return found[0].split("\n", 3)[3].removesuffix("```")


def write_block(name: str, command: str, text: str) -> None:
    """Replace a block of the page."""
    page = PAGE.read_text("utf-8")
    pattern = re.compile(_BLOCK.format(name), re.MULTILINE | re.DOTALL)
    new = pattern.sub(lambda found: f"{found[1]}$ {command}\n{text}{found[2]}", page, count=1)
    PAGE.write_text(new, "utf-8")


def alike(text: str) -> list[str]:
    """Return what must be the same in two runs: neither times and versions nor the order."""
    return sorted(filter(None, (_VARYING.sub("", line).strip() for line in text.splitlines())))
