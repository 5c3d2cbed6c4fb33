"""Targets of patches that are put together: `mock.patch(f"{PKG}.x")`, `setattr(PKG + ".x", 1)`."""

from __future__ import annotations

import ast
import re

from tradai_tasks.affected.rules.dynamic_imports.call_rule import CallFile, CallRule
from tradai_tasks.affected.rules.dynamic_imports.trigger_words import Marks

_PATCH = "patch("
# A target that is computed: f-strings too, also on a line of their own.
_COMPUTED = re.compile(
    r"""patch\(\s*(?:target\s*=\s*)?[A-Z]"""
    r"""|(?:patch|setattr)\(\s*(?:target\s*=\s*)?["'][^"'\n]*["']\s*(?:[%+]|\.format\(|\.join\()"""
)


class PatchTarget(CallRule):
    """Read targets of patches that are no literal: a literal is a name in a string."""

    name = "patch"
    summary = '`mock.patch(f"{PKG}.x")`, `patch("a." + name)`: a target that is put together'
    words = frozenset({"patch(f", "setattr(f"})
    starts = frozenset({_PATCH, "setattr("})
    started = re.compile(
        r"""patch\(\s*(?:target\s*=\s*)?[^\s"')]"""
        r"""|setattr\(\s*(?:[fFrR]+["']|[A-Z]|["'][^"'\n]*["']\s*[%.+])"""
    )
    functions = frozenset({"patch", "setattr"})

    def is_hinted(self, text: str, marks: Marks) -> bool:
        """Tell whether a target is computed."""
        places = (place for one in self.starts for place in marks.get(one, ()))
        return any(_COMPUTED.match(text, place) for place in places) or super().is_hinted(
            text, marks
        )

    def read(self, file: CallFile, node: ast.Call, name: str) -> None:
        """Read the target of `patch(...)` and `setattr(...)`, made of parts: it is imported."""
        if node.args and not isinstance(node.args[0], ast.Constant):
            values = file.source.evaluate(node.args[0])
            file.add(values.literals, node)
            file.add(values.prefixes, node, "package")
