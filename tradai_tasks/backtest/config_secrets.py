"""Find and redact secrets in freqtrade's configurations.

What is sensitive: freqtrade's own list (`freqtrade/configuration/config_secrets.py`), and further
keys of its configuration schema and of ccxt, by their last name; any URL with a password; and the
addresses of webhooks.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from tradai_tasks.environment_allowance import url_secrets
from tradai_tasks.errors import BacktestError

REDACTED = "REDACTED"  # as freqtrade writes it
_DEEPEST = 6  # levels of add_config_files, as many as freqtrade follows
# strings, comments and commas before a closing bracket of freqtrade's dialect of JSON
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMAS = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', re.DOTALL)
# last names of sensitive keys, without case, - and _
_NAMES = re.compile(
    r"key|secret|password|passwd|passphrase|uid|login|authorization|chatid|accountid|walletaddress|mnemonic|seedphrase"
    r"|.*(?:apikey|secretkey|privatekey|accesskey|secret|password|passphrase|token)"
)
_ADDRESSES = re.compile(r"(?:webhook)?url")  # in the sections below, an address is a password
_HOOKS = frozenset({"discord", "webhook", "slack", "telegram"})
_HOOK = re.compile(
    r"https?://(?:[\w.-]*discord(?:app)?\.com/api/webhooks/|hooks\.slack\.com/|"
    r"api\.telegram\.org/bot)\S+",
    re.IGNORECASE,
)
# keys at the top of a configuration; a JSON file with one of them is taken for one
_TOP = frozenset(
    {
        "exchange", "telegram", "discord", "webhook", "api_server", "coingecko", "db_url", "freqai",
        "external_message_consumer", "add_config_files", "stake_currency", "max_open_trades",
    }
)  # fmt: skip
_VARIABLE = "FREQTRADE__"  # freqtrade reads FREQTRADE__EXCHANGE__KEY as exchange.key

Read = Callable[[str], bytes | None]  # path -> content; None: no such file
Path = tuple[str, ...]  # keys from the top; positions in lists as numbers


def parse_config(content: str | bytes, file: str) -> Any:
    """Parse freqtrade's dialect of JSON: with comments, and with commas before closing brackets.

    Raises:
        BacktestError: It does not parse.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        plain = _TOKENS.sub(lambda found: found[0] if found[0][0] == '"' else " ", text)
        return json.loads(_COMMAS.sub(lambda found: found[1] or "", plain))
    except ValueError as error:  # UnicodeDecodeError is one too
        raise BacktestError(f"{file}: not a configuration of freqtrade: {error}") from None


def is_config(document: Any) -> bool:
    """Return whether a JSON document is a configuration of freqtrade, or a part of one."""
    return isinstance(document, dict) and not _TOP.isdisjoint(document)


def config_files(file: str, read: Read) -> dict[str, Any]:
    """Return a configuration and those that it adds (`add_config_files`), parsed, by path.

    Raises:
        BacktestError: One is missing (`read` returns None) or does not parse, or they add each
            other without end.
    """
    found: dict[str, Any] = {}

    def add(path: str, by: str, level: int) -> None:
        content = read(path)
        if content is None or level >= _DEEPEST:
            why = "no such file" if content is None else "files that add each other without end"
            raise BacktestError(f"{path}: {why}{by and f'; {by} adds it (add_config_files)'}")
        document = found[path] = parse_config(content, path)
        further = document.get("add_config_files", []) if isinstance(document, dict) else []
        if not isinstance(further, list) or not all(isinstance(name, str) for name in further):
            raise BacktestError(f"{path}: add_config_files is no list of paths")
        for name in further:
            add(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)), path, level + 1)

    add(posixpath.normpath(file), "", 0)
    return found


def secret_keys(document: Any) -> tuple[str, ...]:
    """Return the keys of all secrets in a configuration, such as `exchange.key`."""
    return tuple(".".join(path) for path, _ in _secrets(document, ()))


def secrets_of_config(document: Any) -> tuple[str, ...]:
    """Return all secrets in a configuration, longest first, to be masked in logs."""
    found = {str(value) for _, value in _secrets(document, ())}
    found |= set(url_secrets(found))
    return tuple(sorted(found, key=lambda one: (-len(one), one)))


def secret_variables(lines: Iterator[str]) -> tuple[str, ...]:
    """Return the names of freqtrade's variables that hold a secret, from lines `NAME=value`."""
    found = []
    for line in lines:
        name, _, value = line.strip().removeprefix("export ").partition("=")
        path = tuple(name.upper().removeprefix(_VARIABLE).lower().split("__"))
        value = value.strip().strip("'\"")
        if name.upper().startswith(_VARIABLE) and value and _is_secret(path, value):
            found.append(name)
    return tuple(found)


def redacted(document: Any, path: Path = ()) -> Any:
    """Return a configuration, or the part at a path, with REDACTED in place of each secret."""
    if isinstance(document, dict):
        return {key: redacted(inner, (*path, str(key))) for key, inner in document.items()}
    if isinstance(document, list):
        return [redacted(inner, (*path, str(n))) for n, inner in enumerate(document)]
    return REDACTED if _is_secret(path, document) else document


def redacted_json(content: bytes, file: str) -> bytes:
    """Return a JSON configuration without its secrets; unchanged, byte by byte, if it has none.

    Raises:
        BacktestError: It does not parse.
    """
    document = parse_config(content, file)
    if not secret_keys(document):
        return content
    return json.dumps(redacted(document), indent=4).encode()


def redacted_archive(content: bytes) -> bytes:
    """Return freqtrade's archive of a result, its configuration (`<stem>_config.json`) redacted.

    Names, order and times of its members stay, so that freqtrade opens it as before.

    Raises:
        BacktestError: It is no archive, or its configuration does not parse.
    """
    out = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(content)) as archive,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
        ):
            for member in archive.infolist():
                inside = archive.read(member)
                if member.filename.endswith("_config.json"):
                    inside = redacted_json(inside, member.filename)
                made.writestr(member, inside)
    except zipfile.BadZipFile as error:
        raise BacktestError(f"freqtrade's result: not an archive: {error}") from None
    return out.getvalue()


def _is_secret(path: Path, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value in {"", 0}:
        return False
    if value == REDACTED:
        return False
    text = str(value)
    if _HOOK.search(text) or any(url_secrets([text])):
        return True
    named = [re.sub(r"[-_]", "", key).lower() for key in path if not key.isdigit()]
    last = named[-1] if named else ""
    if _NAMES.fullmatch(last):
        return True
    return bool(_ADDRESSES.fullmatch(last)) and not _HOOKS.isdisjoint(named[:-1])


def _secrets(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, (*path, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _secrets(inner, (*path, str(number)))
    elif _is_secret(path, value):
        yield path, value
