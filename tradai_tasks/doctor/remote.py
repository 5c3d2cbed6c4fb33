"""Check the services that a release goes to: AWS, registry, ECS, Lambda, MLflow."""

from __future__ import annotations

import msgspec

from tradai_tasks.doctor.check_runner import Finding, fault, fine, not_here
from tradai_tasks.doctor.repository import DoctorContext
from tradai_tasks.errors import AwsError, ModelRegistryError, RepositoryMissingError, TasksError
from tradai_tasks.http_client.limits import AnswerError, Limits, parsed_json
from tradai_tasks.http_client.retry import TransientError
from tradai_tasks.release.clients.aws import Aws
from tradai_tasks.release.clients.ecr import ecr_address
from tradai_tasks.release.clients.image_reference import home_of
from tradai_tasks.release.clients.mlflow_http import client_of
from tradai_tasks.release.images.image_specs import ImageSpec, image_specs
from tradai_tasks.release.images.image_tools import ImageTools, open_image_tools
from tradai_tasks.release.tags.target_environment import check_names, environment_named

_SHOWN = 5  # faults in a message
_PATIENCE = 3  # seconds for which a registry that fails is retried: a person waits
_UNAUTHORIZED, _FORBIDDEN, _OK = 401, 403, 200
_MODELS = "api/2.0/mlflow/registered-models/search"


def credentials(context: DoctorContext) -> Finding:
    """Ask AWS whose the credentials are."""
    used = _uses_aws(context)
    if not used:
        return not_here("nothing here is released to AWS")
    answer = _aws(context).call("sts", "get_caller_identity")
    account, arn = str(answer["Account"]), str(answer["Arn"])
    wanted = context.env.get("AWS_ACCOUNT_ID", account)
    if wanted != account:
        return fault(
            f"signed in to account {account} as {arn}, while AWS_ACCOUNT_ID is {wanted}",
            "sign in to that account: AWS_PROFILE, aws sso login, or the role of the job",
        )
    return fine(f"{arn}, for {', '.join(used)}")


def registry(context: DoctorContext) -> Finding:
    """Ask the registry whether every image could be pushed."""
    repository = context.repository
    settings = msgspec.structs.replace(repository.settings.images, patience=_PATIENCE)
    if not context.has_images:
        return not_here("no image to push")
    home = home_of(settings, context.env)
    specs = image_specs(
        repository.workspace,
        settings,
        home,
        repository.tree,
        kinds=["strategy", "service", "lambda", "base"],
    )
    faults = []
    with open_image_tools(settings, home, root=repository.root, env=context.env) as tools:
        for spec in specs:
            try:
                _may_push(tools, spec)
            except TasksError as error:
                faults.append(str(error))
    if faults:
        return fault(_listed(faults), f"see each; {_PERMISSIONS}")
    return fine(f"{len(specs)} images can be pushed to {home.host}")


_PERMISSIONS = (
    "ECR needs ecr:GetAuthorizationToken, ecr:BatchCheckLayerAvailability, "
    "ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, ecr:PutImage"
)


def _may_push(tools: ImageTools, spec: ImageSpec) -> None:
    if tools.ecr is not None and not tools.ecr.has(spec.path):
        if not tools.ecr.creates:
            raise RepositoryMissingError(tools.ecr.missing(spec.path))
        return
    tools.registry.check_push(spec.path)


def services(context: DoctorContext) -> Finding:
    """Ask ECS for the cluster and the services of each environment."""
    repository = context.repository
    workspace, settings = repository.workspace, repository.settings.deploy
    if not workspace.services:
        return not_here("no service with a Dockerfile")
    check_names(
        settings,
        services=[unit.name for unit in workspace.services],
        functions=[unit.name for unit in workspace.lambdas],
    )
    if not context.environments:
        return not_here("no environment has a cluster: deploy.environments.<name>.cluster")
    faults, found, skipped = [], 0, 0
    for name in context.environments:
        environment = environment_named(name, settings)
        aws, cluster = Aws(region=environment.region), environment.cluster
        names = [environment.service(unit.name) for unit in workspace.services]
        try:
            there = _services(aws, cluster, names)
        except AwsError as error:
            if error.code != "ClusterNotFoundException":
                raise
            faults.append(f"{name}: no cluster {cluster!r}")
            continue
        missing = [one for one in names if one not in there]
        found += len(there)
        if environment.missing("service") == "skip":
            skipped += len(missing)
        else:
            faults += [f"{name}: cluster {cluster} has no service {one!r}" for one in missing]
    if faults:
        return fault(
            _listed(faults),
            "provision them, or name them in deploy.environments.<name> (cluster, services)",
        )
    more = f", {skipped} missing and skipped" if skipped else ""
    return fine(f"{found} found in {', '.join(context.environments)}{more}")


def _services(aws: Aws, cluster: str, names: list[str]) -> set[str]:
    most = 10  # that one DescribeServices takes
    there: set[str] = set()
    for start in range(0, len(names), most):
        answer = aws.call(
            "ecs", "describe_services", cluster=cluster, services=names[start : start + most]
        )
        there |= {
            str(one["serviceName"])
            for one in answer["services"]
            if one.get("status", "ACTIVE") == "ACTIVE"
        }
    return there


def functions(context: DoctorContext) -> Finding:
    """Ask Lambda for the functions of each environment."""
    repository = context.repository
    workspace, settings = repository.workspace, repository.settings.deploy
    if not workspace.lambdas:
        return not_here("no lambda with a Dockerfile")
    if not context.environments:
        return not_here("no environment to look into; name one: --environment dev")
    faults, found, skipped = [], 0, 0
    for name in context.environments:
        environment = environment_named(name, settings)
        aws = Aws(region=environment.region)
        for unit in workspace.lambdas:
            function = environment.function(unit.name)
            try:
                answer = aws.call("lambda", "get_function", FunctionName=function)
            except AwsError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                if environment.missing("function") == "skip":
                    skipped += 1
                else:
                    faults.append(f"{name}: no function {function!r}")
                continue
            found += 1
            package = answer["Configuration"].get("PackageType", "Zip")
            if package != "Image":
                faults.append(f"{name}: {function!r} is of a {package} file and takes no image")
    if faults:
        return fault(
            _listed(faults), "provision them, or name them in deploy.environments.<name>.functions"
        )
    more = f", {skipped} missing and skipped" if skipped else ""
    return fine(f"{found} found in {', '.join(context.environments)}{more}")


def _uses_aws(context: DoctorContext) -> list[str]:
    """Return what in this repository needs AWS."""
    repository = context.repository
    used = []
    settings = repository.settings
    if context.has_images:
        try:
            host = home_of(settings.images, context.env).host
        except TasksError:
            host = ""  # the check of the registry says so
        if settings.images.login == "ecr" or ecr_address(host):
            used.append("ECR")
    environments = settings.deploy.environments.values()
    if settings.publish.codeartifact or any(table.codeartifact for table in environments):
        used.append("CodeArtifact")
    if repository.workspace.lambdas:
        used.append("Lambda")
    if any(table.cluster for table in environments):
        used.append("ECS")
    return used


def _aws(context: DoctorContext) -> Aws:
    """Return AWS in the region of the first environment that has one."""
    settings = context.repository.settings.deploy
    regions = [environment_named(name, settings).region for name in context.environments]
    return Aws(region=next(filter(None, regions), None))


def _listed(faults: list[str]) -> str:
    more = f"; and {len(faults) - _SHOWN} more" if faults[_SHOWN:] else ""
    return "; ".join(faults[:_SHOWN]) + more


def mlflow(context: DoctorContext) -> Finding:
    """Check that MLflow answers and accepts the credentials."""
    repository = context.repository
    if not repository.workspace.strategies:
        return not_here("no strategy to register")
    setting = repository.settings.mlflow.tracking_uri
    variable = context.env.get("MLFLOW_TRACKING_URI")
    if not variable and not setting:
        return fault(
            "neither MLFLOW_TRACKING_URI nor the setting mlflow.tracking-uri is set",
            "set one of them to the address of the server",
        )
    where = "MLFLOW_TRACKING_URI" if variable else "the setting mlflow.tracking-uri"
    remedy = f"start it, or fix {where}"
    limits = Limits(idle=context.seconds, whole=context.seconds)
    try:
        server = client_of(context.env, setting, patience=0)
    except ModelRegistryError as error:
        return fault(str(error), remedy)
    try:
        answer = server.client.request("GET", _MODELS, params={"max_results": 1}, limits=limits)
    except TransientError as error:
        return fault(f"cannot be reached ({error.kind})", remedy)
    except AnswerError as error:
        return fault(f"{server.address}: {error}", remedy)
    finally:
        server.client.close()
    if answer.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
        return fault(
            f"{server.address}: refuses the credentials (status {answer.status_code})",
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
        )
    if answer.status_code != _OK:
        return fault(f"{server.address}: answers with status {answer.status_code}", remedy)
    try:
        is_registry = isinstance(parsed_json(answer.content), dict)
    except ValueError:
        is_registry = False
    if not is_registry:
        return fault(f"{server.address}: what answers is no MLflow server", remedy)
    return fine(f"{server.address} answers")
