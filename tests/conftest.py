"""Settings of the whole test suite."""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

_RELEASE = "tests/e2e/release"
# by the name of a file that with which it shares what takes long to make
_GOES_WITH = {
    f"{_RELEASE}/test_release_shipped.py": f"{_RELEASE}/test_release_strategy.py",
    f"{_RELEASE}/test_backtest_figures.py": f"{_RELEASE}/test_backtest.py",
    f"{_RELEASE}/test_bias.py": f"{_RELEASE}/test_backtest.py",
}

# byte code is written beside sources on every machine, also on one whose owner turned that off
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# a shell lets what it starts in the background ignore interrupts, which tests send
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# tests of what a session runs are no tests of what it need not run; those of replay turn it on
os.environ["TRADAI_TASKS_REPLAY"] = "never"

# Machines differ, and so do loads: a slow example is no fault. The examples are the same in every
# run, so that a run fails by the change that it checks and by nothing else; with
# TRADAI_TASKS_EXAMPLES=N there are N times as many of them, others each time.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize="TRADAI_TASKS_EXAMPLES" not in os.environ,
    print_blob=True,
)
settings.load_profile("tests")


@pytest.fixture(scope="module", autouse=True)
def _environment_stays() -> Iterator[None]:
    """Let no file's fixtures leave variables to the files after it, in whatever order they run."""
    own = {"PYTEST_CURRENT_TEST"}
    before = dict(os.environ)
    yield
    changed = {name for name, _ in before.items() ^ os.environ.items()} - own
    assert not changed, f"left in the environment: {sorted(changed)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it."""
    first = (f"{_RELEASE}/test_release_s", f"{_RELEASE}/test_b", _RELEASE, "e2e/workflows")
    items.sort(key=lambda item: [part not in item.nodeid for part in first])


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: end-to-end tests wait for servers about half of their time."""
    return 2 * (os.cpu_count() or 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand each worker whole files, and those that share as if they were one."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    scheduling = LoadFileScheduling(config, log)  # which says nothing unless it is to debug
    file_of = scheduling._split_scope
    scheduling._split_scope = lambda test: _GOES_WITH.get(file_of(test), file_of(test))
    return scheduling
