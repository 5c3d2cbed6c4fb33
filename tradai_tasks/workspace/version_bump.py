"""Plan a version bump: the next version, and the steps that are still to do.

Nothing here changes the repository, so a bump that was interrupted is finished by running it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.version import InvalidVersion, Version

from tradai_tasks.errors import BrokenTomlError, BumpError, DirtyTreeError, TagExistsError
from tradai_tasks.files.atomic_write import is_leftover
from tradai_tasks.settings.load import parse_toml
from tradai_tasks.text import listed
from tradai_tasks.workspace.locks.lock_digest import document_digest
from tradai_tasks.workspace.locks.lock_file import parse_lock_file
from tradai_tasks.workspace.tags import check_release, parse_tag, semver_of, tag_name

_STEPS = ("patch", "minor", "major", "rc")
_EXPECTED = f"expected {', '.join(_STEPS)} or a version such as 1.2.0 or 1.2.0-rc1"
_LONGEST = 128  # characters of a version; the limit of a release tag


@dataclass(frozen=True, kw_only=True, slots=True)
class BumpState:
    """The state of the repository before a bump; paths are POSIX from the workspace root."""

    name: str  # a strategy's slug, or a package's name
    slugs: tuple[str, ...]  # slugs of all strategies if the package is one; else empty
    file: str  # its pyproject.toml
    lock: str | None  # the lock file that pins it; None if there is none
    is_lock_committed: bool
    on_disk: bytes = field(repr=False)  # content of the pyproject.toml
    at_head: bytes | None = field(repr=False)  # its content in HEAD; None if it is not there
    before_head: bytes | None = field(repr=False)  # its content in HEAD's first parent
    head: str  # id of HEAD's commit
    subject: str  # first line of HEAD's message
    dirty: tuple[str, ...]  # changed, staged or untracked paths
    tags: Mapping[str, str] = field(repr=False)  # name -> id of the commit


@dataclass(frozen=True, kw_only=True, slots=True)
class BumpPlan:
    """The steps of a bump; one that is None or empty is not wanted, or is done already."""

    name: str
    old: str
    new: str
    file: str
    content: bytes | None = field(repr=False)  # new content of the pyproject.toml
    lock: str | None  # lock file to update
    commit: tuple[str, ...]  # paths to commit
    message: str
    tag: str | None  # tag to make
    lines: tuple[str, ...]  # all steps in words, with those that are done already

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.commit and self.tag is None


def next_version(current: str, step: str, *, name: str) -> Version:
    """Return the version after a step: `patch`, `minor`, `major`, `rc`, or any version itself.

    `patch`, `minor` and `major` of a pre-release give the release it prepares, if that is such a
    step: minor of 1.1.0rc1 is 1.1.0. `rc` of a stable version is the first release candidate of the
    next minor, of an alpha or beta the first of the same release, of a candidate the next one.

    Raises:
        BumpError: The step is neither, or is not possible from the current version.
    """
    if step not in _STEPS:
        return _exact(step, name)
    import semver  # noqa: PLC0415 - only this session needs it

    now = _version(current, name)
    text = semver_of(now)
    if text is None:
        raise BumpError(
            f"{name}: {step} of {current} is not defined, since it is no semantic version; name "
            f"the version: nox -s bump -- {name} X.Y.Z"
        )
    if step != "rc":
        return Version(str(semver.Version.parse(text).next_version(step)))
    core = now.base_version if now.is_prerelease else str(semver.Version.parse(text).bump_minor())
    last = now.pre[1] if now.pre and now.pre[0] == "rc" else 0
    is_before = now.dev is not None and last > 0  # 1.1.0rc2.dev1 comes before 1.1.0rc2
    return Version(f"{core}rc{last if is_before else last + 1}")


def version_of(content: bytes, file: str) -> str:
    """Return `project.version` of a pyproject.toml; raise BumpError if it states none.

    Raises:
        BrokenTomlError: It does not parse.
    """
    project = parse_toml(content, file).get("project")
    project = project if isinstance(project, dict) else {}
    if "version" in project.get("dynamic", ()):
        raise BumpError(
            f"{file}: project.version is dynamic, so the build backend takes it from elsewhere; "
            f"bump it there, or state it here"
        )
    version = project.get("version")
    if not isinstance(version, str):
        raise BumpError(f'{file}: no project.version to bump; write there: version = "0.1.0"')
    return version


def with_version(content: bytes, version: str, file: str) -> bytes:
    """Return a pyproject.toml with another version and every other byte unchanged.

    Each place with the old version in quotes is tried, and the one chosen after which the parsed
    document differs in `project.version` alone, however the key is written.

    Raises:
        BumpError: It states no version, or writes it with escapes.
        BrokenTomlError: It does not parse.
    """
    old = version_of(content, file)
    wanted = parse_toml(content, file)
    wanted["project"]["version"] = version
    for quote in ('"', "'"):
        token = f"{quote}{old}{quote}".encode()
        at = content.find(token)
        while at >= 0:
            edited = content[: at + 1] + version.encode() + content[at + len(token) - 1 :]
            if _reads_as(edited, wanted):
                return edited
            at = content.find(token, at + 1)
    raise BumpError(
        f"{file}: project.version is {old!r}, but not written so; write it in plain quotes"
    )


def check_lock(before: bytes, after: bytes, *, name: str, file: str) -> None:
    """Raise BumpError if more than one package's version changed in a lock file, by its data."""
    if _without_version(before, name, file) != _without_version(after, name, file):
        raise BumpError(
            f"{file}: more than the version of {name} changed, so it was out of date before; run "
            f"nox -s lock and commit the result, then bump"
        )


def plan(found: BumpState, step: str, *, with_tag: bool) -> BumpPlan:
    """Decide which steps to do.

    Raises:
        DirtyTreeError: There are uncommitted changes other than this bump's own.
        BumpError: The version cannot be raised as requested.
        BadTagError: The strategy's tag would not be a release tag.
        TagExistsError: The version has a tag already, on another commit.
    """
    if found.at_head is None:
        _refuse_dirty(found.dirty)
        raise BumpError(f"{found.file}: not committed; commit it first")
    old = version_of(found.at_head, found.file)
    new = _target(found, old, step, with_tag=with_tag)
    is_committed = new == old
    tag = _tag(found, new, is_committed=is_committed, with_tag=with_tag)
    content = None
    if is_committed:
        _refuse_dirty(found.dirty)
    elif not _is_edited(found, new):
        _refuse_dirty(found.dirty)
        content = with_version(found.on_disk, new, found.file)
    lock = None if is_committed else found.lock
    made = found.tags.get(tag) if tag else None
    lines = [f"{found.name} is at {new}" if is_committed else f"{found.name} {old} -> {new}"]
    lines.append(f"  edit    {found.file}{_done_note(content is None)}")
    if found.lock:
        apart = "" if found.is_lock_committed else " (git ignores it: not committed)"
        lines.append(f"  lock    {found.lock}{apart}{_done_note(is_committed)}")
    lines.append(f"  commit  {_message(found.name, new)}{_done_note(is_committed)}")
    if tag:
        lines.append(f"  tag     {tag}{_done_note(made is not None)}")
    paths = (found.file, *([lock] if lock and found.is_lock_committed else []))
    return BumpPlan(
        name=found.name,
        old=old,
        new=new,
        file=found.file,
        content=content,
        lock=lock,
        commit=() if is_committed else paths,
        message=_message(found.name, new),
        tag=None if made else tag,
        lines=tuple(lines),
    )


def _target(found: BumpState, old: str, step: str, *, with_tag: bool) -> str:
    """Return the version to reach: HEAD's own if only later steps are missing."""
    is_last = found.subject == _message(found.name, old)
    if is_last and found.before_head is not None:
        # the last commit is a bump: do not repeat it if it is the requested one
        before = version_of(found.before_head, found.file)
        if before != old and next_version(before, step, name=found.name) == Version(old):
            return old
    elif is_last and step in _STEPS:
        raise BumpError(
            f"{found.name}: the last commit bumped it to {old}, and history ends there, so it "
            f"is unknown whether that was this {step}; name the version: "
            f"nox -s bump -- {found.name} X.Y.Z"
        )
    new = next_version(old, step, name=found.name)
    now = _version(old, found.name)
    if new == now and with_tag:
        return old
    if new == now:
        raise BumpError(
            f"{found.name}: is at {old} already ({found.file}); choose a higher version"
        )
    if new < now:
        raise BumpError(
            f"{found.name}: {new} is lower than {old} ({found.file}); a version only goes up"
        )
    return str(new)


def _tag(found: BumpState, new: str, *, is_committed: bool, with_tag: bool) -> str | None:
    """Return the tag to make, after checking the existing ones."""
    if not found.slugs:
        if with_tag:
            raise BumpError(
                f"--tag: only a strategy has a tag of its own; here v<version> releases the whole "
                f"platform, whatever version {found.name} has; bump it without --tag"
            )
        return None
    version = semver_of(Version(new))
    if version is None:
        raise AssertionError("next_version returns only what has a semantic version")
    name = tag_name(found.name, version)
    made = found.tags.get(name)
    if made is not None and not (is_committed and made == found.head):
        raise TagExistsError(
            f"tag {name}: exists already, on commit {made[:12]}; choose a higher version than {new}"
        )
    if with_tag:
        check_release(parse_tag(name, found.slugs))
    return name if with_tag else None


def _is_edited(found: BumpState, new: str) -> bool:
    """Return whether the uncommitted changes are those of this bump, interrupted."""
    dirty = {path for path in found.dirty if not is_leftover(path)}
    if found.at_head is None or found.file not in dirty or not dirty <= {found.file, found.lock}:
        return False
    # git may convert line ends on checkout
    edited = with_version(found.at_head, new, found.file)
    return edited.replace(b"\r\n", b"\n") == found.on_disk.replace(b"\r\n", b"\n")


def _refuse_dirty(dirty: tuple[str, ...]) -> None:
    left = [path for path in dirty if not is_leftover(path)]
    if left:
        raise DirtyTreeError(
            f"uncommitted changes in {listed(left)}; commit, stash or ignore them first"
        )


def _message(name: str, version: str) -> str:
    return f"chore({name}): bump version to {version}"


def _done_note(is_done: bool) -> str:  # noqa: FBT001 - one flag, one meaning
    return ": already there" if is_done else ""


def _exact(text: str, name: str) -> Version:
    """Parse a version that the user names, in PEP 440 or SemVer form."""
    if text[:1].isdigit() and text.isascii() and len(text) <= _LONGEST and "+" not in text:
        try:
            version = Version(text)
        except InvalidVersion:
            pass  # refused below, with all other invalid versions
        else:
            if semver_of(version) is not None:
                return version
            raise BumpError(
                f"{name}: {text} is {version} to a package, which no semantic version says; "
                f"{_EXPECTED}"
            )
    raise BumpError(f"{name}: {text[:_LONGEST]!a} is no version to bump to; {_EXPECTED}")


def _version(text: str, name: str) -> Version:
    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or more digits than Python converts
        raise BumpError(
            f"{name}: its version {text!r} is none by PEP 440; write one such as 1.0.0 by hand"
        ) from None


def _reads_as(content: bytes, wanted: Mapping[str, Any]) -> bool:
    """Return whether a document is as expected; by repr, which distinguishes 1, 1.0 and true."""
    try:
        return repr(parse_toml(content, "")) == repr(wanted)
    except BrokenTomlError:  # the version was in a key, which is now a duplicate
        return False


def _without_version(lock: bytes, name: str, file: str) -> str:
    document = parse_lock_file(lock, file).document
    for package in document.get("package", ()):
        if package["name"] == name:
            package.pop("version", None)
    return document_digest(document)
