"""Start the recorder in this process, then run the environment's own `sitecustomize`.

Python imports a module of this name when it starts, from the first folder of its path that has one.
"""

from __future__ import annotations

import os
import sys
from importlib import machinery, util

if sys.version_info >= (3, 11) and "TRADAI_TASKS_RECORD_DIR" in os.environ:
    import tradai_tasks_recorder

    tradai_tasks_recorder.start()


def _run_next() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    path = [folder for folder in sys.path if os.path.abspath(folder) != here]
    spec = machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = util.module_from_spec(spec)
        spec.loader.exec_module(module)


_run_next()
