"""Hold what test files load and read alone against what a run of all recorded for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tradai_tasks.results.inputs import Inputs


def missing_inputs(full: Mapping[str, Inputs], alone: Mapping[str, Inputs]) -> list[str]:
    """Return what test files that ran alone load or read and a run of all does not give them.

    Args:
        full: The inputs that a run of all test files recorded.
        alone: Those of test files, each recorded in a run of its own.
    """
    return [
        f"{test_file}: {kind} {value}"
        for test_file, inputs in sorted(alone.items())
        for kind, value in _values(inputs)
        if (kind, value) not in set(_values(full[test_file]))
    ]


def _values(inputs: Inputs) -> Iterable[tuple[str, str]]:
    for path, functions in inputs.modules.items():
        yield "module", path
        yield from (("function", f"{path}::{name}") for name in functions or ())
    for kind in ("files", "absent", "listings", "names", "variables", "programs", "hosts"):
        yield from ((kind, value) for value in getattr(inputs, kind))
