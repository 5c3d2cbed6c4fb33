"""The sessions of this repository: see `nox -l`."""

import nox
import tradai_tasks

tradai_tasks.register()

if __name__ == "__main__":
    nox.main()
