"""The sessions of this repository: see `nox -l`."""

import tradai_tasks

tradai_tasks.register()
