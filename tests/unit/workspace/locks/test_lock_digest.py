"""Two lock files are compared as data."""

from __future__ import annotations

import pytest

from tradai_tasks.errors import BrokenTomlError
from tradai_tasks.workspace.locks.lock_digest import lock_digest

LOCK = """\
version = 1
revision = 3
resolution-markers = [
    "python_full_version >= '3.12' and sys_platform == 'linux'",
    "python_full_version < '3.12' or (os_name == 'nt' and sys_platform == 'win32')",
]

[[package]]
name = "one"
version = "1.0"
source = { registry = "https://index.example/simple" }
dependencies = [{ name = "two", marker = "os_name == 'nt' or os_name == 'posix'" }, { name = "three" }]
wheels = [
    { url = "https://index.example/a/one-1.0-py3-none-any.whl", hash = "sha256:aa", size = 3 },
    { url = "https://index.example/a/one-1.0-cp311-none-any.whl", hash = "sha256:bb" },
]

[[package]]
name = "two"
version = "2.0"
source = { editable = "../two" }
"""  # noqa: E501 - as uv writes it
ALIKE = """\
version = 1
revision = 5
resolution-markers = ["(sys_platform == 'win32' and os_name == 'nt') or python_full_version < '3.12'",
  "sys_platform == 'linux' and python_full_version >= '3.12'"]
[[package]]
name = "two"
source = { editable = "../two" }
version = "2.0"
[[package]]
name = "one"
version = "1.0"
source = { registry = "https://mirror.example/simple" }
dependencies = [{ name = "three" }, { marker = "os_name == 'posix' or os_name == 'nt'", name = "two" }]
wheels = [
    { url = "https://mirror.example/b/one-1.0-cp311-none-any.whl", hash = "sha256:bb", size = 4 },
    { url = "https://mirror.example/b/one-1.0-py3-none-any.whl", hash = "sha256:aa", upload-time = 2026-01-01T00:00:00Z },
]
"""  # noqa: E501 - as uv writes it


def digest(text: str) -> str:
    return lock_digest(text.encode(), "uv.lock")


def test_order_of_markers_and_layout_do_not_matter() -> None:
    assert digest(ALIKE) == digest(LOCK)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1.0"', 'version = "1.1"'),
        ("sha256:aa", "sha256:ac"),
        ('{ name = "three" }', '{ name = "four" }'),
        (", { name = \"three\" }", ""),
        ("os_name == 'nt' or os_name == 'posix'", "os_name == 'nt' and os_name == 'posix'"),
        ("< '3.12' or (", "< '3.12' and ("),
        ('editable = "../two"', 'editable = "../other"'),
        ('name = "two"\nversion', 'name = "too"\nversion'),
    ],
)  # fmt: skip
def test_what_is_installed_matters(old: str, new: str) -> None:
    assert old in LOCK
    assert digest(LOCK.replace(old, new)) != digest(LOCK)


def test_a_lock_file_that_does_not_parse_is_named() -> None:
    with pytest.raises(BrokenTomlError, match=r"^uv\.lock: "):
        digest("version = ")
