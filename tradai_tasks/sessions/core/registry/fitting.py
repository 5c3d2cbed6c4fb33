"""Predicates on a repository: which packages get a session, or why there is none."""

from __future__ import annotations

import msgspec

from tradai_tasks.files.file_tree import Tree, all_files, join
from tradai_tasks.repository import Repository
from tradai_tasks.workspace.discovery import Package
from tradai_tasks.workspace.layout import DEVCONTAINERS, has_devcontainer

_NO_PLATFORM = "it is for platforms, and this is a strategies repository (see the setting `kind`)"
_NO_STRATEGY = "there are no strategies; add one, or set `kind`"
_WILD = frozenset("*?[")


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """The sessions of one name that a repository gets."""

    packages: tuple[Package, ...] | None = None  # one session for each; None: a single session
    why_not: str = ""  # why there is none, and what would add it

    @property
    def is_of_kind(self) -> bool:
        """Whether such a repository has the session, now or with its first package."""
        return not self.why_not or self.packages is not None


def everywhere(repository: Repository) -> Fit:
    """One session, in every repository."""
    del repository
    return Fit()


def each_strategy(repository: Repository) -> Fit:
    """One session for each strategy, or a single one in a platform."""
    if not repository.is_of_strategies:
        return Fit()
    found = repository.workspace.packages
    return Fit(packages=found, why_not="" if found else _NO_STRATEGY)


def tested(repository: Repository) -> Fit:
    """One session for each package with code or tests."""
    found = tuple(repository.shares)
    why = "no package has tests; add a folder `tests` to one"
    return Fit(packages=found, why_not="" if found else why)


def benchmarked(repository: Repository) -> Fit:
    """One session for each package with benchmarks."""
    why = "no test takes the `benchmark` fixture of pytest-benchmark; write one"
    return _each(repository.benchmarked_packages, why)


def backtested(repository: Repository) -> Fit:
    """One session for each strategy whose backtests are enabled."""
    if not repository.workspace.strategies:
        return Fit(why_not=_NO_STRATEGY)
    why = "the setting `backtest.enabled` is false for every strategy"
    return _each(repository.backtested_packages, why)


def strategies(repository: Repository) -> Fit:
    """One session where there are strategies."""
    return _if(repository.workspace.strategies, _NO_STRATEGY)


def platforms(repository: Repository) -> Fit:
    """One session in a platform."""
    return _if(not repository.is_of_strategies, _NO_PLATFORM)


def contract(repository: Repository) -> Fit:
    """One session where a test has the marker of contract tests, or settings say where they are."""
    table = repository.settings.contract
    return _marked(repository, "contract", table.marker, table.paths)


def integration(repository: Repository) -> Fit:
    """One session where a test has the marker of integration tests, or settings name paths."""
    table = repository.settings.integration
    return _marked(repository, "integration", table.marker, table.paths)


def images(repository: Repository) -> Fit:
    """One session where there is an image of a service or a strategy."""
    has_one = repository.workspace.services or any(
        repository.tree.is_file(join(one.path, "Dockerfile"))
        for one in repository.workspace.strategies
    )
    return _if(has_one, "there is no Dockerfile in services/* or in a strategy; add one")


def lambdas(repository: Repository) -> Fit:
    """One session where there are lambdas."""
    return _if(repository.workspace.lambdas, "there is no lambdas/*/Dockerfile; add one")


def services(repository: Repository) -> Fit:
    """One session where there are services."""
    return _if(repository.workspace.services, "there is no services/*/Dockerfile; add one")


def stacks(repository: Repository) -> Fit:
    """One session where there are Pulumi stacks."""
    return _if(repository.workspace.stacks, "there is no Pulumi stack under infra/; add one")


def site(repository: Repository) -> Fit:
    """One session where there is a site to build."""
    return _if(repository.tree.is_file("mkdocs.yml"), "there is no mkdocs.yml; add one")


def pages(repository: Repository) -> Fit:
    """One session where a page may be where the settings say."""
    tree, globs = repository.tree, repository.settings.docs.pages
    why = "no page is where the setting docs.pages says; add one, or change it"
    return _if(any(_leads_somewhere(tree, glob) for glob in globs), why)


def with_devcontainer(repository: Repository) -> Fit:
    """One session where there is a development container."""
    why = f"there is no {DEVCONTAINERS[0]}; add one"
    return _if(has_devcontainer(repository.tree), why)


def _if(has_one: object, why_not: str) -> Fit:
    return Fit() if has_one else Fit(why_not=why_not)


def _each(packages: tuple[Package, ...], why_not: str) -> Fit:
    return Fit(packages=packages) if packages else Fit(why_not=why_not)


def _marked(repository: Repository, name: str, marker: str, paths: tuple[str, ...]) -> Fit:
    if repository.is_of_strategies:
        return Fit(why_not=_NO_PLATFORM)
    # if the settings name the paths of such tests, the session itself checks them
    why = (
        f"no test has the marker {marker!r}; give one @pytest.mark.{marker}, or say where they are "
        f"in the setting {name}.paths"
    )
    return _if(paths or marker in repository.marked, why)


def _leads_somewhere(tree: Tree, glob: str) -> bool:
    """Return whether a glob may match a file; the session itself checks exactly."""
    parts = [part for part in glob.split("/") if part not in {"", "."}]
    fixed = next((n for n, part in enumerate(parts) if _WILD & {*part}), len(parts))
    if fixed == len(parts):
        return tree.is_file("/".join(parts)) or glob.endswith("/")
    ending = parts[-1].rpartition("*")[2]
    below = "/".join(parts[:fixed]) or "."
    is_deep = len(parts) > fixed + 1
    files = all_files(tree, below, enters=lambda name: is_deep and _enters(name))
    return any(path.endswith(ending) for path in files)


def _enters(name: str) -> bool:
    return not name.startswith((".", "node_modules"))
