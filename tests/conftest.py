"""Settings of the whole test suite."""

import os

from hypothesis import settings

# machines differ, and so do loads: a slow example is no fault; where CI runs, the examples are the
# same every time, so that a run fails by the change that it checks and by nothing else
settings.register_profile("tests", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("tests")
