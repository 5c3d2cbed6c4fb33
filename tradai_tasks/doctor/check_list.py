"""List every check of the session `doctor`, by name."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from tradai_tasks.doctor import github, index, remote, repository, workflows
from tradai_tasks.doctor.check_runner import Check
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.errors import BadArgumentsError
from tradai_tasks.text import similar

# name, the question, what to do when it cannot be asked
_ALL = (
    ("locks", repository.locks, "see what uv says: uv lock --check"),
    ("inventory", repository.inventory, "see which file is what: nox -s inventory -- --all"),
    ("concessions", repository.conceded, "see the settings"),
    ("engine", repository.engine, "install and start a container engine; try: docker info"),
    ("lambdas", repository.lambdas, "see the folders: ls -la lambdas/"),
    ("aws", remote.credentials, "try: aws sts get-caller-identity"),
    (
        "registry",
        remote.registry,
        "see images.registry (or ECR_REGISTRY) and the credentials for it",
    ),
    ("codeartifact", index.codeartifact, "see publish.codeartifact and the AWS credentials"),
    ("services", remote.services, "see deploy.environments.<name>, and allow ecs:DescribeServices"),
    ("functions", remote.functions, "see deploy.environments.<name>, and allow lambda:GetFunction"),
    ("mlflow", remote.mlflow, "see MLFLOW_TRACKING_URI, or the setting mlflow.tracking-uri"),
    (
        "candles",
        repository.candles,
        'see the setting backtest.data-dir; fetch them with: nox -s "backtest-data"',
    ),
    ("pulumi", repository.pulumi, "try: pulumi stack ls --cwd infra; sign in with: pulumi login"),
    ("secrets", repository.secrets, "see: nox -s workflows -- --secrets"),
    ("tags", workflows.tags, "see the settings deploy, publish and workflows.branch"),
    ("keys", github.keys, "see: nox -s workflows -- --trust"),
)
NAMES = tuple(name for name, *_ in _ALL)


def checks(
    looked_at: DoctorContext, *, only: Collection[str] = (), skip: Collection[str] = ()
) -> tuple[Check, ...]:
    """Return the checks to run: those of `only`, or all, but for those to `skip`.

    Raises:
        BadArgumentsError: There is no such check, or none is left.
    """
    for option, names in (("--only", only), ("--skip", skip)):
        for name in names:
            if name not in NAMES:
                hint = similar(name, NAMES) or f"there are {', '.join(NAMES)}"
                raise BadArgumentsError(f"{option} {name}: there is no such check; {hint}")
    chosen = [
        Check(name=name, ask=partial(ask, looked_at), remedy=remedy)
        for name, ask, remedy in _ALL
        if (not only or name in only) and name not in skip
    ]
    if not chosen:
        raise BadArgumentsError("--skip: no check is left to run")
    return tuple(chosen)
