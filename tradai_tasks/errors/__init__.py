"""Exceptions for the failures that a user can meet: what, where and what to do.

Every message is one line; an error of several faults has a line for each. Whatever text stands in a
message is made safe when the error is made. `exit_code` is the status of a process that ends with
the error.

Each module holds the failures of one room, and all are imported from this package.
"""

from tradai_tasks.errors.aws import *
from tradai_tasks.errors.base import *
from tradai_tasks.errors.checks import *
from tradai_tasks.errors.ci import *
from tradai_tasks.errors.deploy import *
from tradai_tasks.errors.files import *
from tradai_tasks.errors.git import *
from tradai_tasks.errors.images import *
from tradai_tasks.errors.libraries import *
from tradai_tasks.errors.models import *
from tradai_tasks.errors.release import *
from tradai_tasks.errors.results import *
from tradai_tasks.errors.settings import *
from tradai_tasks.errors.tags import *
from tradai_tasks.errors.tools import *
