"""Check that the workflows fit the repository's default branch, and what a release tag needs."""

from __future__ import annotations

from tradai_tasks.doctor.check_runner import Finding, fault, fine, not_here
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.workflows.render import is_ours
from tradai_tasks.workflows.repository_traits import committed_locks
from tradai_tasks.workflows.tag_readiness import branch_fault, ci_faults, tag_faults, tag_notes


def tags(context: DoctorContext) -> Finding:
    """Check that a release tag would find an environment, an index and a branch."""
    repository = context.repository
    checkout = context.checkout()
    if not any(is_ours(text, checkout.folder) for text in checkout.files.values()):
        return not_here("no workflow here was written by tradai-tasks")
    workspace, settings = repository.workspace, repository.settings
    faults = [
        *branch_fault(checkout.branch, settings),
        *tag_faults(workspace, settings),
        *ci_faults(checkout.files, checkout.folder),
    ]
    every = workspace.projects
    known = committed_locks(repository.root, every)
    if loose := sorted({*known} - {*committed_locks(repository.root, every, tracked=True)}):
        faults.append(
            f"{', '.join(loose)}: neither committed nor ignored, so a release finds an uncommitted "
            f"change; commit it"
        )
    if made := checkout.unignored:
        faults.append(
            f"{', '.join(made)}: made by jobs and not ignored, so a release finds uncommitted "
            f"changes; add to .gitignore"
        )
    if faults:
        return fault("; ".join(faults), "fix that, then: nox -s workflows")
    return fine("; ".join(["a tag has all that it needs", *tag_notes(workspace, settings)]))
