"""Settings of kept test results."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tradai_tasks.settings.table import Name, Table, Variable, doc


class ResultsSettings(Table, frozen=True, kw_only=True):
    """Results of test files that are kept, and not made again while their inputs are the same."""

    replay: Annotated[
        Literal["never", "auto"],
        doc(
            "`auto`: on a machine of your own and on pull requests `test(pkg)`, "
            "`typecheck` and `security` take over what was green and whose inputs have not changed "
            "(docs/results.md)."
        ),
    ] = "auto"
    store: Annotated[
        Name | None,
        doc(
            "Where results are kept: a folder, or `s3://bucket/prefix`; if absent, the "
            "user's folder for caches."
        ),
    ] = None
    max_size: Annotated[
        int,
        Meta(ge=1),
        doc("Most that the store holds, in megabytes; the longest unused goes first."),
    ] = 500
    env: Annotated[
        tuple[Variable, ...], doc("Environment variables that every test file depends on.")
    ] = ()
    programs: Annotated[
        tuple[Name, ...],
        doc(
            "Names of programs that tests may start although what they read is not "
            "seen, since it never decides an outcome."
        ),
    ] = ()
