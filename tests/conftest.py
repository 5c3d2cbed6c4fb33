"""Settings of the whole test suite."""

import os
import sys

from hypothesis import settings

# byte code is written beside sources on every machine, also on one whose owner turned that off
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

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
