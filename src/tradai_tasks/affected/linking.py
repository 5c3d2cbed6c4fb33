"""Edges of many files, found by as many processes as pay."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial

import msgspec

from tradai_tasks.affected.copies import MOST_PROCESSES, Copy
from tradai_tasks.affected.linked import Linked
from tradai_tasks.affected.links import Linker

__all__ = ["link_files"]

_WORTH_A_PROCESS = 2_000  # files; fewer are linked as fast as edges are handed back


def link_files(linker: Linker, numbers: Sequence[int]) -> None:
    """Collect the edges of files.

    Args:
        linker: Where they are collected.
        numbers: The files.
    """
    workers = min(os.cpu_count() or 1, len(numbers) // _WORTH_A_PROCESS, MOST_PROCESSES)
    if workers < 2 or sys.platform != "linux":  # noqa: PLR2004 - the work of one
        linker.link_files(numbers)
        return
    size = -(-len(numbers) // workers)
    # files that lie beside each other look the same names up: they stay together
    own, *others = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    copies = [(share, Copy(partial(_packed, linker, share))) for share in others]
    linker.link_files(own)
    for share, copy in copies:
        try:
            linked = msgspec.msgpack.decode(copy.outcome(), type=Linked)
        except msgspec.DecodeError:  # it could not begin, or has ended before its time
            linker.link_files(share)
        else:
            linker.take(linked)


def _packed(linker: Linker, share: Sequence[int]) -> bytes:
    first = linker.questions.end
    linker.link_files(share)
    return msgspec.msgpack.encode(linker.given(share, first))
