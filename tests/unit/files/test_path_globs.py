"""Many globs match a path just as each of them does by itself."""

from __future__ import annotations

from tradai_tasks.files.path_globs import GlobSet, matches

GLOBS = (
    *("**/CODEOWNERS", "**/.vscode/**", "**/renovate.json*", ".github/*.md", "docs/", "/docs/a.md"),
    *("a/**/b.py", "a/[bc]/*.py", "a/[!b]/x.py", "a/b[", "a/[]]x", "a]/b", "*", "**", "./a/b?py"),
    *("a/b.py", "a/b.py/**", "a/[[]x]", "a/[z-a]"),
)
PATHS = (
    *("CODEOWNERS", "x/CODEOWNERS", "xCODEOWNERS", ".vscode/a/b", "a/.vscode/b", "renovate.json5"),
    *(
        ".github/a.md",
        ".github/a/b.md",
        "docs/a.md",
        "docs/b/c",
        "a/b.py",
        "a/x/y/b.py",
        "a/b/x.py",
    ),
    *("a/c/x.py", "a/b[", "a/]x", "a]/b", "a/b.py/c", "a/[x]", "b", ""),
)


def test_a_set_of_globs_matches_as_each_glob_does() -> None:
    found = {path: {*GlobSet(GLOBS).matching(path)} for path in PATHS}
    assert found == {path: {glob for glob in GLOBS if matches(path, glob)} for path in PATHS}
    assert {glob for some in found.values() for glob in some} == {*GLOBS} - {"a/[z-a]"}
