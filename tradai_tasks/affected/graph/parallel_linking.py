"""Collect the edges of many files in several processes, where that is faster."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

import msgspec

from tradai_tasks.affected.graph.fork_worker import MOST_PROCESSES, ForkWorker
from tradai_tasks.affected.graph.linker import LinkedFiles, Linker
from tradai_tasks.process import usable_cores

_WORTH_A_PROCESS = 2_000  # files; fewer are linked as fast as their edges are sent back


def link_files(linker: Linker, numbers: Sequence[int]) -> None:
    """Collect the edges of files.

    Args:
        linker: Where they are added.
        numbers: The files.
    """
    workers = min(usable_cores(), len(numbers) // _WORTH_A_PROCESS, MOST_PROCESSES)
    if workers < 2 or sys.platform != "linux":  # noqa: PLR2004 - the work of one
        linker.link_files(numbers)
        return
    size = -(-len(numbers) // workers)
    # files of one folder look up the same names: they stay together
    own, *others = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    helpers = [(share, ForkWorker(partial(_packed, linker, share))) for share in others]
    linker.link_files(own)
    for share, worker in helpers:
        if outcome := worker.outcome():
            linker.merge(msgspec.msgpack.decode(outcome, type=LinkedFiles))
        else:  # it could not begin, or was killed
            linker.link_files(share)


def _packed(linker: Linker, share: Sequence[int]) -> bytes:
    first = linker.attributes.next_node
    linker.link_files(share)
    return msgspec.msgpack.encode(linker.export(share, first))
