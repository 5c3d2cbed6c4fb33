# /// script
# dependencies = ["nox[uv]>=2026.10.20", "tradai-tasks[release]==0.1.0"]
# ///
"""The sessions of this repository: see `nox -l`."""

import nox
import tradai_tasks

tradai_tasks.register()

if __name__ == "__main__":
    nox.main()
