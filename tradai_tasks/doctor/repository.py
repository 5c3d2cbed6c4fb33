"""Check the repository and this machine: locks, lambdas, engine, secrets, Pulumi."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tradai_tasks.backtest.candles import candles_fault
from tradai_tasks.checks.compose import compose_file
from tradai_tasks.checks.concessions import concessions
from tradai_tasks.checks.inventory_report import check_seen, notes
from tradai_tasks.checks.lock_check import state_of
from tradai_tasks.doctor.check_runner import Finding, fault, fine, not_here
from tradai_tasks.errors import CommandFailedError, UnseenFilesError
from tradai_tasks.files.file_tree import Tree, join
from tradai_tasks.infra.pulumi import layers_of
from tradai_tasks.process import run
from tradai_tasks.release.images.engine import find_engine
from tradai_tasks.repository import Repository
from tradai_tasks.text import listed
from tradai_tasks.workflows.checkout import Checkout
from tradai_tasks.workflows.repository_traits import committed_locks
from tradai_tasks.workflows.rights.required_secrets import needed
from tradai_tasks.workspace.inventory import Inventory

# CMD ["handler.handler"]: the module and the function that Lambda calls
_CMD = re.compile(r"^\s*CMD\s+\[\s*\"(?P<handler>[^\"]+)\"\s*(?P<more>,)?", re.MULTILINE)
_BASE = re.compile(r"^\s*(ARG\s+BASE_IMAGE|FROM\s+\S*lambda-base\b)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class DoctorContext:
    """What the checks look at: a repository, and where and how they look at it."""

    repository: Repository
    inventory: Inventory  # without the looks of sessions that the noxfile leaves out
    env: Mapping[str, str]
    uv: str  # the uv to run
    checkout: Callable[[], Checkout]  # where the repository stands in its git repository
    environments: tuple[str, ...]  # whose services and functions are looked for
    is_asked: bool = False  # whether they were asked for by name
    seconds: float  # that one command may take

    @property
    def has_images(self) -> bool:
        """Whether a service, lambda or strategy has a Dockerfile."""
        workspace, tree = self.repository.workspace, self.repository.tree
        files = (join(one.path, "Dockerfile") for one in workspace.strategies)
        return bool(workspace.services or workspace.lambdas or any(map(tree.is_file, files)))


def locks(context: DoctorContext) -> Finding:
    """Check that every lock file is there and fresh, and that git tracks those of strategies."""
    repository = context.repository
    found = [
        state_of(context.uv, repository.root, repository.tree, project, timeout=context.seconds)
        for project in repository.workspace.projects
    ]
    if missing := [one.file for one in found if one.state == "missing"]:
        return fault(f"{listed(missing)}: not there", "make it: nox -s lock")
    if stale := [one.file for one in found if one.state == "stale"]:
        return fault(f"{listed(stale)}: stale", "update it with: nox -s lock")
    if unknown := [f"{one.file} ({one.why})" for one in found if one.state == "unknown"]:
        return fault(
            f"{listed(unknown)}: uv could not look", "see what uv says: nox -s lock -- --check"
        )
    projects = sorted({one.project for one in repository.workspace.strategies})
    tracked = committed_locks(repository.root, projects, tracked=True)
    if loose := sorted({join(project, "uv.lock") for project in projects} - {*tracked}):
        return fault(
            f"{listed(loose)}: not in git, so no strategy can be released",
            "take uv.lock out of .gitignore if it is there, and commit the file",
        )
    count = len(repository.workspace.projects)
    return fine(f"{count} lock file{'s' * (count != 1)} fresh")


def inventory(context: DoctorContext) -> Finding:
    """Check that every test is collected by a session, and every source examined by one."""
    found = context.inventory
    try:
        check_seen(found)
    except UnseenFilesError as error:
        return fault("; ".join(error.faults), "see which file is what: nox -s inventory -- --all")
    return fine("; ".join([f"{len(found.files)} Python files, all seen", *notes(found)]))


def conceded(context: DoctorContext) -> Finding:
    """List what the checks let pass, by the settings."""
    repository = context.repository
    packages = repository.workspace.packages
    found = concessions(repository.settings, packages, floor=repository.default_floor)
    if not found:
        return fine("the settings let nothing pass")
    return fine("; ".join(f"{what} ({setting})" for what, setting in found))


def candles(context: DoctorContext) -> Finding:
    """Check that there are candles for the backtests of each strategy."""
    repository = context.repository
    tested = {one.slug: repository.backtest(one) for one in repository.workspace.strategies}
    tested = {slug: settings for slug, settings in tested.items() if settings.enabled}
    if not tested:
        return not_here("no strategy with backtests")
    faults = [
        found
        for slug, settings in tested.items()
        if (found := candles_fault(repository.root / settings.data_dir, slug))
    ]
    if faults:
        return fault(listed(faults), "fetch them before a backtest or a release")
    return fine(f"there are candles for {', '.join(tested)}")


def engine(context: DoctorContext) -> Finding:
    """Check that the container engine runs."""
    repository = context.repository
    compose = compose_file(repository.tree, repository.settings.contract.compose_file)
    if not context.has_images and compose is None:
        return not_here("no service, lambda or strategy has a Dockerfile; no compose file")
    settings = repository.settings.images
    found = find_engine(settings.engine, context.env, repository.root)
    return fine(f"{found.program} answers, on {found.platform}")


def lambdas(context: DoctorContext) -> Finding:
    """Check that every folder under lambdas/ is found, can be built and has its handler."""
    repository = context.repository
    tree = repository.tree
    folders = [name for name in tree.folders("lambdas") if not name.startswith((".", "_"))]
    if not folders:
        return not_here("no folder under lambdas/")
    faults = []
    for name in folders:
        home = join("lambdas", name)
        if name != "base":
            faults += _of_lambda(tree, home, has_base="base" in folders)
        elif not tree.is_file(join(home, "Dockerfile")):
            faults.append(f"{home}: no Dockerfile, so there is no base image")
    if faults:
        return fault(
            "; ".join(faults),
            "each lambda needs lambdas/<name>/Dockerfile, whose CMD names module and function",
        )
    return fine(f"{len(repository.workspace.lambdas)} found")


def secrets(context: DoctorContext) -> Finding:
    """Check that the secrets and variables that workflows read are set."""
    wanted = needed(context.checkout().files)
    if not wanted:
        return not_here("no workflow reads a secret or a variable")
    missing = [one for one in wanted if not one.is_optional and not context.env.get(one.name)]
    if not missing:
        return fine(f"{len(wanted)} of the workflows are set here")
    shown = listed([f"{one.name} ({', '.join(one.files)})" for one in missing])
    if context.env.get("CI", "").lower() not in {"1", "true"}:
        return not_here(
            f"not to be seen from here: {shown}; give them to a job that runs this, by `env:`"
        )
    return fault(
        f"not set: {shown}",
        "set them on GitHub: Settings, Secrets and variables, Actions; or by gh secret set NAME",
    )


def pulumi(context: DoctorContext) -> Finding:
    """Ask Pulumi whether an update, running or abandoned, locks a stack."""
    repository = context.repository
    layers = layers_of(repository.tree)
    if not layers:
        return not_here("no Pulumi.yaml under infra/")
    if shutil.which("pulumi", path=context.env.get("PATH")) is None:
        return fault(
            "pulumi: not found on PATH, so no stack can be previewed",
            "install it (https://www.pulumi.com/docs/install/), or leave this out: --skip pulumi",
        )
    env = {**context.env, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    held, count = [], 0
    for layer in layers:
        argv = ["pulumi", "stack", "ls", "--json", "--non-interactive", "--cwd", layer]
        done = run(argv, cwd=repository.root, env=env, timeout=context.seconds)
        for stack in _stacks(done.text, layer):
            count += 1
            if stack.get("updateInProgress"):
                held.append(f"{layer}: stack {stack.get('name')}")
    if held:
        return fault(
            f"{listed(held)}: locked by an update",
            "wait for it; if none runs: pulumi cancel --cwd LAYER --stack STACK",
        )
    return fine(f"{count} stacks in {len(layers)} layers, none locked")


def _stacks(text: str, layer: str) -> list[dict[str, object]]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise CommandFailedError(f"{layer}: pulumi stack ls printed something else than JSON")
    return found


def _of_lambda(tree: Tree, home: str, *, has_base: bool) -> list[str]:
    """Return the faults of one lambda's folder."""
    file = join(home, "Dockerfile")
    if not tree.is_file(file):
        return [f"{home}: no Dockerfile, so it is never built"]
    text = tree.read(file).decode("utf-8", "replace")
    faults = []
    if _BASE.search(text) and not has_base:
        faults.append(f"{file}: is built on lambdas/base, which is not there")
    commands = list(_CMD.finditer(text))
    if not commands or commands[-1]["more"]:
        return faults  # the base may have CMD; other words are for an entry point of its own
    handler = commands[-1]["handler"]
    module, _, function = handler.rpartition(".")
    source = join(home, f"{module.replace('.', '/')}.py")
    if not module:
        faults.append(f"{file}: its CMD {handler!r} names no module and function")
    elif not tree.is_file(source):
        faults.append(f"{file}: its CMD names {source}, which is not there")
    elif not _defines(tree.read(source), function):
        faults.append(f"{source}: has no {function!r}, which the CMD of {file} names")
    return faults


def _defines(source: bytes, name: str) -> bool:
    """Return whether a module defines a name at its top level; true if it cannot be read."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # of a newer Python, perhaps: the tests of the lambda tell
        return True
    bound: set[str] = set()
    for node in ast.walk(ast.Module(body=body, type_ignores=[])):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
    return name in bound or "*" in bound
