"""Inputs of one test file: what its tests loaded, read and asked for when they ran."""

from __future__ import annotations

import msgspec

ALL_VARIABLES = "*"  # among variables: all of them were copied


class Inputs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the outcome of a test file was computed from.

    Paths inside the repository are relative to its root, in POSIX form; others are absolute.
    """

    modules: dict[str, tuple[str, ...] | None] = {}
    """Loaded files, each with the qualified names of its functions that ran (None: all count)."""
    files: tuple[str, ...] = ()
    """Files that were read."""
    absent: tuple[str, ...] = ()
    """Paths whose presence alone matters: those that did not exist, and folders."""
    listings: tuple[str, ...] = ()
    """Folders whose entries were listed."""
    changed_listings: tuple[str, ...] = ()
    """Those of them whose entries became others after they had been listed."""
    projects: tuple[str, ...] = ()
    """Files that state the metadata of an editable package that was asked for, as its version."""
    roots: tuple[str, ...] = ()
    """Folders of the repository that modules are imported from, as far as `sys.path` has them."""
    names: tuple[str, ...] = ()
    """Modules that were looked for and not found."""
    variables: tuple[str, ...] = ()
    """Environment variables that were asked for; `*` for all."""
    programs: tuple[str, ...] = ()
    """Programs that were started and whose reads were not seen."""
    hosts: tuple[str, ...] = ()
    """Other hosts that were connected to."""
    written: tuple[str, ...] = ()
    """Files of the repository that were written."""
    problems: tuple[str, ...] = ()
    """What the recorder could not follow: such a test file always runs."""
