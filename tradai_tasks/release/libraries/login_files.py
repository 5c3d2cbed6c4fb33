"""Write an index token to `.netrc`, `.pypirc` or the environment file of a CI job.

In CI later steps get the token as variables; on a laptop uv and pip read `.netrc`, and twine
`.pypirc`. The index is never set as an extra one: installers take the highest version of any index,
so a public package of the same name would win.
"""

from __future__ import annotations

import configparser
import contextlib
import netrc
import os
import re
import stat
import tempfile
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tradai_tasks.errors import CredentialsFileError, UnsafeIndexError
from tradai_tasks.files.atomic_write import write_whole
from tradai_tasks.release.clients.codeartifact import USERNAME

Tool = Literal["pip", "uv", "twine"]
TOOLS: tuple[Tool, ...] = ("pip", "uv", "twine")

_MOST_LINKS = 40  # links that the kernel follows at most
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\S+')
# characters that need no quotes in .netrc, environment files and headers
_PLAIN = re.compile(r"[A-Za-z0-9._~+/=-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A package index and the token for it."""

    index_name: str  # name of the index in [[tool.uv.index]]
    upload_url: str
    simple_url: str
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raise for a token with characters that could end a line or a word."""
        if not _PLAIN.fullmatch(self.token):
            raise CredentialsFileError(
                "the token has characters that no token of AWS has; nothing was written"
            )

    @property
    def host(self) -> str:
        """The host of the entry in `.netrc`."""
        return urllib.parse.urlsplit(self.simple_url).hostname or ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every form in which the token is written, to be masked."""
        return tuple(dict.fromkeys([self.token, urllib.parse.quote(self.token, safe="")]))


def environment(access: Access, tools: Iterable[Tool]) -> dict[str, str]:
    """Return the environment variables with the token, for later steps of a CI job."""
    found: dict[str, str] = {}
    for tool in tools:
        match tool:
            case "uv":
                name = re.sub(r"[^A-Z0-9]", "_", access.index_name.upper())
                found[f"UV_INDEX_{name}_USERNAME"] = USERNAME
                found[f"UV_INDEX_{name}_PASSWORD"] = access.token
            case "pip":
                # the only index, in place of the public one
                parts = urllib.parse.urlsplit(access.simple_url)
                user = f"{USERNAME}:{urllib.parse.quote(access.token, safe='')}"
                found["PIP_INDEX_URL"] = parts._replace(netloc=f"{user}@{parts.netloc}").geturl()
            case "twine":
                found["TWINE_REPOSITORY_URL"] = access.upload_url
                found["TWINE_USERNAME"] = USERNAME
                found["TWINE_PASSWORD"] = access.token
    return found


def extra_indexes(env: Mapping[str, str], home: Path) -> None:
    """Raise UnsafeIndexError if pip is configured with a second index; the message says where."""
    advice = "a public package of the same name would win"
    if env.get("PIP_EXTRA_INDEX_URL"):
        raise UnsafeIndexError(f"PIP_EXTRA_INDEX_URL is set, and {advice}; unset it")
    files = [env["PIP_CONFIG_FILE"]] if env.get("PIP_CONFIG_FILE") else []
    files += [str(home / ".config/pip/pip.conf"), str(home / ".pip/pip.conf")]
    files += [str(home / "Library/Application Support/pip/pip.conf"), "/etc/pip.conf"]
    for file in files:
        parser = configparser.RawConfigParser()
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            parser.read(file, encoding="utf-8")  # pip itself reports what is wrong with it
        for section in parser.sections():
            if parser.has_option(section, "extra-index-url"):
                raise UnsafeIndexError(
                    f"{file}: extra-index-url is set, and {advice}; take it out by: "
                    f"pip config unset {section}.extra-index-url"
                )


# --- .netrc --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    """A top-level entry of a `.netrc` file: from its keyword to the end of its last word."""

    keyword: str  # "machine", "default" or "macdef"
    name: str
    start: int
    end: int


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the entries of a `.netrc` file (the format of ftp(1))."""
    position = 0
    open_entry: tuple[str, str, int, int] | None = None
    while match := _WORD.search(text, position):
        word, position = match[0], match.end()
        if word.startswith("#"):  # a comment; a value is skipped together with its key
            position = _line_end(text, position)
            continue
        if word in {"machine", "default", "macdef"}:
            if open_entry:
                yield _Entry(*open_entry)
            name = ""
            if word != "default" and (value := _WORD.search(text, position)):
                name, position = value[0].strip('"'), value.end()
            if word == "macdef":  # its body ends at an empty line
                blank = re.compile(r"\n[ \t]*\n|\Z").search(text, position)
                position = blank.end() if blank else len(text)
            open_entry = (word, name, match.start(), position)
        elif open_entry:
            value = _WORD.search(text, position)
            position = value.end() if value else position
            open_entry = (*open_entry[:3], position)
    if open_entry:
        yield _Entry(*open_entry)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def netrc_with(text: str, host: str, password: str, *, file: str) -> str:
    """Return the text of a `.netrc` file with one host's entry set and the rest unchanged.

    `host` is without port; the user name is CodeArtifact's; `file` is for messages.

    Raises:
        CredentialsFileError: The file does not parse, or the result would not parse as intended.
    """
    before = _parsed_netrc(text, file)
    line = f"machine {host} login {USERNAME} password {password}"
    entries = list(_entries(text))
    own = [one for one in entries if one.keyword == "machine" and one.name == host]
    fallback = next((one for one in entries if one.keyword == "default"), None)
    after = text
    for one in reversed(own[1:]):
        after = after[: one.start] + after[one.end :].removeprefix("\n")
    if own:
        after = after[: own[0].start] + line + after[own[0].end :]
    elif fallback:  # it matches any host, so entries after it are never read
        after = f"{after[: fallback.start]}{line}\n{after[fallback.start :]}"
    else:
        # an empty line ends a macro, if one is last
        gap = "" if not after or after.endswith("\n") else "\n"
        gap += "\n" if entries and entries[-1].keyword == "macdef" else ""
        after = f"{after}{gap}{line}\n"
    found = _parsed_netrc(after, file)
    wanted = {**before.hosts, host: (USERNAME, "", password)}
    if found.hosts != wanted or found.macros != before.macros:
        raise CredentialsFileError(
            f"{file}: cannot be edited without harm to what is in it; add there by hand: machine "
            f"{host} login {USERNAME} password <token>"
        )
    return after


def _parsed_netrc(text: str, file: str) -> netrc.netrc:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".netrc") as copy:
        copy.write(text)
        copy.flush()
        try:
            return netrc.netrc(copy.name)
        except netrc.NetrcParseError as error:
            # the error may quote the file, which holds passwords
            raise CredentialsFileError(
                f"{file}: near line {error.lineno}: no .netrc file; fix it, nothing was written"
            ) from None


# --- .pypirc -------------------------------------------------------------------------------------


def pypirc_with(text: str, access: Access, *, file: str) -> str:
    """Return the text of a `.pypirc` file with one repository set and the rest unchanged.

    Raises:
        CredentialsFileError: The file does not parse, or the result would not parse as intended.
    """
    before = _parsed_pypirc(text, file)
    name = access.index_name
    section = (
        f"[{name}]\nrepository = {access.upload_url}\nusername = {USERNAME}\n"
        f"password = {access.token}\n"
    )
    pattern = rf"^\[{re.escape(name)}\][^\n]*\n(?:(?!\[)[^\n]*(?:\n|\Z))*"
    after = re.sub(pattern, "", text, flags=re.MULTILINE)
    after = _with_server(after, before, name)
    gap = "" if not after or after.endswith("\n\n") else "\n" if after.endswith("\n") else "\n\n"
    after = f"{after}{gap}{section}"
    found = _parsed_pypirc(after, file)
    kept = {one: dict(before[one]) for one in before.sections() if one not in {name, "distutils"}}
    if {
        one: dict(found[one]) for one in found.sections() if one not in {name, "distutils"}
    } != kept:
        raise CredentialsFileError(
            f"{file}: cannot be edited without harm to what is in it; add the section [{name}] "
            f"there by hand"
        )
    return after


def _with_server(text: str, parsed: configparser.RawConfigParser, name: str) -> str:
    """Add a repository to the `index-servers` of twine."""
    if not parsed.has_section("distutils"):
        known = [one for one in parsed.sections() if one not in {name, "pypi", "testpypi"}]
        listed = "\n    ".join(["pypi", "testpypi", *known, name])
        return f"[distutils]\nindex-servers =\n    {listed}\n{chr(10) if text else ''}{text}"
    servers = parsed.get("distutils", "index-servers", fallback=None)
    if servers is None:
        listed = f"[distutils]\nindex-servers = pypi testpypi {name}"
        return re.sub(r"^\[distutils\]", listed, text, count=1, flags=re.MULTILINE)
    if name in servers.split():
        return text
    return re.sub(r"^(index-servers[ \t]*[=:])", rf"\1 {name}", text, count=1, flags=re.MULTILINE)


def _parsed_pypirc(text: str, file: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # the error may quote the file, which holds passwords
        raise CredentialsFileError(
            f"{file}: no .pypirc file ({type(error).__name__}); fix it, nothing was written"
        ) from None
    return parser


def write_secret(file: Path, text: str) -> None:
    """Atomically write a file that only its owner may read; a link of the user's own is followed.

    Raises:
        CredentialsFileError: The file or a link to it is another user's, or cannot be written.
    """
    _require_own(file)
    file = Path(os.path.realpath(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text.encode(), mode=0o600)
    except OSError as error:
        raise CredentialsFileError(f"{file}: cannot be written: {error.strerror}") from None


def append_secret(file: Path, text: str) -> None:
    """Append to a file of variables that only its owner may read; no link is followed.

    Raises:
        CredentialsFileError: It is a link or not a file, or it cannot be written.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, flags, 0o600), "a", encoding="utf-8") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise CredentialsFileError(f"{file}: no file; nothing was written")
            opened.write(text)
    except OSError as error:
        why = "a link, which is not written through" if file.is_symlink() else error.strerror
        raise CredentialsFileError(f"{file}: cannot be written: {why}") from None


def _require_own(file: Path) -> None:
    """Raise for a file, or a link on the way to it, that belongs to another user."""
    place = file
    for _ in range(_MOST_LINKS):
        try:
            found = place.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise CredentialsFileError(f"{file}: cannot be read: {error.strerror}") from None
        if found.st_uid != os.geteuid():
            raise CredentialsFileError(
                f"{place}: another user's, so no token is written there; take it away, or name "
                f"another file"
            )
        if not stat.S_ISLNK(found.st_mode):
            if not stat.S_ISREG(found.st_mode):
                raise CredentialsFileError(f"{place}: no file; nothing was written")
            return
        place = place.parent / place.readlink()
    raise CredentialsFileError(f"{file}: links without end; nothing was written")
