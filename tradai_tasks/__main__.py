"""Entry point of `python -m tradai_tasks`."""

import sys

from tradai_tasks.cli import main

if __name__ == "__main__":
    sys.exit(main())
