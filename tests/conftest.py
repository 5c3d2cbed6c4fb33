"""Settings of the whole test suite."""

from hypothesis import settings

# machines differ, and so do loads: a slow example is no fault
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
