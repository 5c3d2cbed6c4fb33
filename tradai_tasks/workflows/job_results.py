"""Judge the results of all CI jobs for the one job that branch protection requires.

GitHub counts a skipped required check as passed, and skips a job whose need failed. So one job
always runs, and judges `toJSON(needs)`: every job must have succeeded, or have been skipped where
the workflow allows that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradai_tasks.errors import BadArgumentsError, GateError

# https://docs.github.com/actions/reference/contexts#needs-context
_RESULTS = frozenset({"success", "failure", "cancelled", "skipped"})
_MAY_SKIP = re.compile(
    r"(?P<job>[A-Za-z_][\w-]*)(?:=(?P<need>[A-Za-z_][\w-]*)\.(?P<output>[A-Za-z_][\w-]*):(?P<value>.+))?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MaySkip:
    """A job that may be skipped, always or if another job's output has a value."""

    job: str
    need: str | None = None
    output: str | None = None
    value: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NeededJob:
    """The result of one job that the gate waited for."""

    job: str
    result: str
    outputs: Mapping[str, str]


def parse_may_skip(words: Iterable[str]) -> tuple[MaySkip, ...]:
    """Parse options of the form `JOB` or `JOB=NEED.OUTPUT:VALUE`, each job once.

    Raises:
        BadArgumentsError: One has neither form, or names a job a second time.
    """
    found: dict[str, MaySkip] = {}
    for word in words:
        match = _MAY_SKIP.fullmatch(word)
        if match is None:
            raise BadArgumentsError(
                f"--may-skip {word!r}: expected JOB, or JOB=NEED.OUTPUT:VALUE as in "
                f"test=changes.any:false"
            )
        rule = MaySkip(**match.groupdict())
        if rule.job in found:
            raise BadArgumentsError(f"--may-skip {rule.job}: given twice")
        found[rule.job] = rule
    return tuple(found.values())


def parse_needs(text: str | None) -> tuple[NeededJob, ...]:
    """Parse the `needs` context from JSON; raise GateError if it is none, or names no job."""
    if not text or not text.strip():
        raise GateError("gate: NEEDS is not set; give it as NEEDS: ${{ toJSON(needs) }} in env")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise GateError("gate: NEEDS is not JSON; give it as ${{ toJSON(needs) }}") from None
    if not isinstance(document, dict):
        raise GateError("gate: NEEDS is not a table of jobs; give it as ${{ toJSON(needs) }}")
    if not document:
        raise GateError("gate: NEEDS names no job, so there is nothing to judge; add `needs:`")
    return tuple(_need(job, value) for job, value in document.items())


def _need(job: str, value: Any) -> NeededJob:
    result = value.get("result") if isinstance(value, dict) else None
    if not isinstance(result, str) or result not in _RESULTS:
        raise GateError(
            f"gate: NEEDS: {job!r} has no result of {', '.join(sorted(_RESULTS))}, "
            f"but {json.dumps(result)}"
        )
    outputs = value.get("outputs") or {}  # some runners write null for a job without outputs
    if not isinstance(outputs, dict) or not all(isinstance(one, str) for one in outputs.values()):
        raise GateError(f"gate: NEEDS: the outputs of {job!r} are not a table of strings")
    return NeededJob(job=job, result=result, outputs=outputs)


def judge(needs: Sequence[NeededJob], may_skip: Sequence[MaySkip]) -> list[tuple[str, str, str]]:
    """Return (job, result, why it counts as passed) of every job.

    Raises:
        BadArgumentsError: A job that may be skipped, or one it depends on, is not waited for.
        GateError: A job failed, was cancelled, or was skipped where it may not be.
    """
    by_job = {need.job: need for need in needs}
    rules = {rule.job: rule for rule in may_skip}
    for rule in may_skip:
        for job in (rule.job, rule.need):
            if job is not None and job not in by_job:
                raise BadArgumentsError(
                    f"--may-skip {rule.job}: the gate does not wait for {job!r}, only for "
                    f"{', '.join(by_job)}"
                )
    rows, faults = [], []
    for need in needs:
        if need.result == "success":
            rows.append((need.job, need.result, ""))
        elif need.result == "skipped":
            reason, fault = _skipped(rules.get(need.job), by_job)
            rows.append((need.job, need.result, reason))
            faults += [f"{need.job} was skipped, {fault}"] if fault else []
        else:
            rows.append((need.job, need.result, ""))
            faults.append(f"{need.job} {'failed' if need.result == 'failure' else 'was cancelled'}")
    if faults:
        raise GateError(f"gate: {'; '.join(faults)}")
    return rows


def _skipped(rule: MaySkip | None, needs: Mapping[str, NeededJob]) -> tuple[str, str]:
    """Return why a skipped job counts as passed, or why it does not."""
    if rule is None:
        return "", "and it must run"
    if rule.need is None:
        return "may be skipped", ""
    condition = f"{rule.need}.{rule.output} is {rule.value}"
    need = needs[rule.need]
    if need.result != "success":
        return "", f"which is allowed only where {condition}, and {rule.need} did not succeed"
    found = need.outputs.get(rule.output or "")
    if found != rule.value:
        shown = "not set" if found is None else json.dumps(found[:60])
        return "", f"which is allowed only where {condition}, and it is {shown}"
    return condition, ""
