"""All rules of this library, and the set of rules that a repository uses."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import re
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tradai_tasks.affected.rules import kinds
from tradai_tasks.affected.rules.edge_rule import EdgeRule, Place, WorkspaceRule
from tradai_tasks.errors import EdgeRuleError, SettingsError

_LIBRARY = __name__.partition(".")[0]
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def _built_in() -> Iterator[EdgeRule]:
    """Yield a rule of each class with a name in the modules of `kinds`."""
    for found in pkgutil.iter_modules(kinds.__path__):
        module = importlib.import_module(f"{kinds.__name__}.{found.name}")
        classes = [made for made in vars(module).values() if isinstance(made, type)]
        for made in classes:
            if made.__module__ == module.__name__ and issubclass(made, EdgeRule) and made.name:
                yield made()


BUILT_IN = tuple(sorted(_built_in(), key=lambda rule: (rule.order, rule.name)))


class RuleSet:
    """The rules that are on."""

    def __init__(self, off: Collection[str] = (), own: Sequence[EdgeRule] = ()) -> None:
        """Choose rules.

        Args:
            off: Names of rules of this library that are switched off.
            own: Rules that a noxfile adds.

        Raises:
            SettingsError: There is no rule of a name.
            EdgeRuleError: A rule of the noxfile has no name of its own.
        """
        every = (*BUILT_IN, *own)
        names = [rule.name for rule in every]
        if unknown := sorted(set(off) - set(names)):
            raise SettingsError(
                f"affected.rules-off: no rule {unknown[0]!r}; the rules are {', '.join(names)}"
            )
        for rule in own:
            if not _NAME.fullmatch(str(rule.name)) or names.count(rule.name) > 1:
                raise EdgeRuleError(
                    f"register(edge_rules=...): {type(rule).__name__}: its name is {rule.name!r}, "
                    f"which is taken or not of small letters and hyphens; give it another"
                )
        on = [rule for rule in every if rule.name not in off]
        self.rules = tuple(sorted(on, key=lambda one: (one if one in BUILT_IN else EdgeRule).order))
        self.own = tuple(rule for rule in own if rule.name not in off)
        self.by_name = {rule.name: rule for rule in self.rules}
        self.of_workspace = tuple(rule for rule in self.rules if isinstance(rule, WorkspaceRule))
        self.of_texts = tuple(rule for rule in self.rules if type(rule).extract != EdgeRule.extract)

    @cached_property
    def version(self) -> str | None:
        """What tells the findings of these rules from those of others; None where nothing does."""
        names = [rule.name for rule in self.rules]
        sources = sources_of(self.own)
        return None if sources is None else repr((names, sources))

    def link(self, rule: EdgeRule, item: Any, place: Place) -> Iterable[int]:
        """Return the nodes that an item of a rule leads to.

        Raises:
            EdgeRuleError: A rule of the noxfile raises, or returns what is no node.
        """
        if rule not in self.own:
            return rule.link(item, place)
        try:
            nodes: set[Any] = set(rule.link(item, place))
            if all(isinstance(node, int) and node >= 0 for node in nodes):
                return nodes
            why = "link() returned what is no node"
        except Exception as fault:
            why = f"{type(fault).__name__}: {fault}"
        raise EdgeRuleError(f"the edge rule {rule.name!r} fails: {why}; correct it")


DEFAULT: RuleSet = RuleSet()


def sources_of(rules: Sequence[EdgeRule]) -> list[str] | None:
    """Return what identifies rules: their fields, and a digest of every source they may use.

    These are the modules of the rules, others of the same packages, and whatever else is loaded and
    is neither the standard library nor installed. None where the source of a rule cannot be had:
    what such a rule finds is not to be kept.
    """
    if not rules:
        return []
    digest = hashlib.sha256()
    try:
        files = {inspect.getfile(type(rule)) for rule in rules}
        files.update(_loaded_beside({type(rule).__module__.partition(".")[0] for rule in rules}))
        for file in sorted(files):
            digest.update(f"{file}\0".encode())
            digest.update(Path(file).read_bytes())
    except (OSError, TypeError):
        return None
    return [*(f"{rule.name} {vars(rule)!r}" for rule in rules), digest.hexdigest()]


def _loaded_beside(packages: set[str]) -> Iterator[str]:
    installed = tuple(
        f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )
    for name, module in list(sys.modules.items()):
        top, file = name.partition(".")[0], getattr(module, "__file__", None) or ""
        is_own = top in packages or not file.startswith(installed)
        if file.endswith(".py") and is_own and top != _LIBRARY:
            yield file
