"""Workflow steps that sign in to AWS, and the variables given to the steps after them.

Credentials are outputs of the step that signs in, and are in the `env:` of the step that acts only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tradai_tasks.settings.workflows import RolesSettings, WorkflowsSettings
from tradai_tasks.workflows.rights.rights import Job

PURPOSES = ("read", "preview", "publish", "deploy")
_ABOUT = {
    "read": "read private packages and candles",
    "preview": "preview the infrastructure",
    "publish": "publish",
    "deploy": "deploy",
}
# expression for the environment of a job that deploys
_ENVIRONMENT = "needs.version.outputs.environment"


def sources_of(purpose: str, settings: WorkflowsSettings) -> tuple[str, ...]:
    """Return the sources of a purpose's credentials, each as `secrets.NAME` or `vars.NAME`."""
    if settings.aws == "keys":
        return settings.aws_key_id, settings.aws_secret_key
    role = getattr(settings.roles, purpose)
    if isinstance(role, str):
        return (role,)
    return tuple(dict.fromkeys([*role.values(), getattr(RolesSettings(), purpose)]))


def role_of(purpose: str, settings: WorkflowsSettings, *, environment: str = _ENVIRONMENT) -> str:
    """Return GitHub's expression for the role of one of PURPOSES.

    If roles are a table by environment, a missing one is empty and fails the job: no environment
    falls back to the role of another.
    """
    role = getattr(settings.roles, purpose)
    if isinstance(role, str):
        return role
    named = [f"({environment} == '{name}' && {source})" for name, source in role.items()]
    default = getattr(RolesSettings(), purpose)
    others = " && ".join([*(f"{environment} != '{name}'" for name in role), default])
    return " || ".join([*named, f"({others})"])


def seconds_of(settings: WorkflowsSettings) -> int:
    """Return how long credentials of a role last, in seconds: as long as a job that acts.

    AWS gives 15 minutes at least, and at most the role's own maximum, one hour unless raised.
    """
    return max(settings.timeout * 60, 900)


def sign_in_parts(settings: WorkflowsSettings) -> dict[str, str]:
    """Return the parts of templates: a step and variables for each purpose, by name."""
    parts = {}
    for purpose in PURPOSES:
        parts[f"sign-in-{purpose}"] = _step(purpose, role_of(purpose, settings), settings)
        parts[f"aws-{purpose}"] = _variables(purpose, settings)
    # a stack's name is the environment that it is deployed to
    stack = role_of("deploy", settings, environment="inputs.stack")
    parts["sign-in-stack"] = _step("deploy", stack, settings)
    return parts


def role_faults(settings: WorkflowsSettings, environments: Collection[str]) -> list[str]:
    """Return the faults of the roles in the settings, each as `key: what, and what to do`."""
    faults = _environment_faults(settings, environments)
    if settings.aws == "keys":
        return faults
    for reader in ("read", "preview"):
        for writer in ("publish", "deploy"):
            writing = {name.casefold() for name in sources_of(writer, settings)}
            shared = {one for one in sources_of(reader, settings) if one.casefold() in writing}
            faults += [
                f"workflows.roles.{reader}: {name} is also the role to {_ABOUT[writer]}, and jobs "
                f"of pull requests would assume it; give them a role that can only read"
                for name in sorted(shared)
            ]
    deploy = settings.roles.deploy
    for name in () if isinstance(deploy, str) else deploy:
        if name not in environments:
            known = ", ".join(sorted(environments))
            faults.append(
                f"workflows.roles.deploy.{name}: there is no such environment; known are {known}"
            )
    return faults


def _environment_faults(settings: WorkflowsSettings, environments: Collection[str]) -> list[str]:
    """Return which environment of jobs of pull requests is also one that is deployed to.

    A role is given to whoever stands in an environment. GitHub's names know no capital letters.
    """
    deployed = {*environments, settings.release_environment, settings.docs_environment}
    folded = {name.casefold() for name in deployed}
    return [
        f"workflows.{key}: {name} is also an environment that is released or deployed to, and jobs "
        f"of pull requests would stand in it, with its roles and secrets; choose another name"
        for key, name in (
            ("read-environment", settings.read_environment),
            ("preview-environment", settings.preview_environment),
        )
        if name.casefold() in folded
    ]


def keys_warning(found: Sequence[Job], settings: WorkflowsSettings) -> str | None:
    """Return a warning on who gets the static keys; None if jobs use roles, or none signs in."""
    if settings.aws != "keys":
        return None
    holding = [
        (job, grant)
        for job in found
        for grant in job.grants
        if settings.aws_secret_key in grant.secrets
    ]
    if not holding:
        return None
    by_anybody = [f"{job.workflow}: {job.name}" for job, grant in holding if grant.is_unreviewed]
    others = [f"{job.workflow}: {job.name}" for job, _ in holding]
    acting = [name for name in dict.fromkeys(others) if name not in by_anybody]
    if not by_anybody:
        return (
            f"static keys: {', '.join(acting)} get the same keys, which do not expire; "
            f'roles by OIDC do: workflows.aws = "oidc"'
        )
    return (
        f"static keys: jobs that run code of any branch or pull request of this repository "
        f"({', '.join(dict.fromkeys(by_anybody))}) get the same keys as those that publish and "
        f"deploy ({', '.join(acting) or 'none so far'}); roles by OIDC give each just what it "
        f'needs: workflows.aws = "oidc"'
    )


def _step(purpose: str, role: str, settings: WorkflowsSettings) -> str:
    """Return the step that assumes a role; static keys need none."""
    if settings.aws == "keys":
        return ""
    return f"""\
- name: Sign in to AWS, to {_ABOUT[purpose]}
  id: {purpose}
  uses: @{{aws_credentials}}
  with:
    role-to-assume: ${{{{ {role} }}}}
    aws-region: ${{{{ {settings.aws_region} }}}}
    role-duration-seconds: {seconds_of(settings)} # as long as the job may take
    output-credentials: true # for the step that acts
    output-env-credentials: false # and for no other
"""


def _variables(purpose: str, settings: WorkflowsSettings) -> str:
    """Return the entries of `env:` with which a step acts on AWS."""
    given: Mapping[str, str]
    if settings.aws == "keys":
        given = {
            "AWS_ACCESS_KEY_ID": settings.aws_key_id,
            "AWS_SECRET_ACCESS_KEY": settings.aws_secret_key,
        }
    else:
        outputs = f"steps.{purpose}.outputs"
        given = {
            "AWS_ACCESS_KEY_ID": f"{outputs}.aws-access-key-id",
            "AWS_SECRET_ACCESS_KEY": f"{outputs}.aws-secret-access-key",
            "AWS_SESSION_TOKEN": f"{outputs}.aws-session-token",
        }
    region = settings.aws_region
    given = {**given, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return "".join(f"{name}: ${{{{ {source} }}}}\n" for name, source in given.items())
