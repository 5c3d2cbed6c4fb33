"""Folder on the search path of the pytest runs that sessions start: it records their inputs.

`sitecustomize` starts the recorder in every Python process, `tradai_tasks_inputs` is the pytest
plugin that says which test file is run. Both use the standard library only.
"""
