"""Wait for ECS and Lambda: look again until a deployment or an update is done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tradai_tasks.errors import AwsError, AwsThrottledError, AwsUnreachableError, StoppedError
from tradai_tasks.http_client.retry import pause

_T = TypeVar("_T")


def polled(
    look: Callable[[], _T | None],
    *,
    timeout: float,
    interval: float,
    stop: threading.Event | None,
    stopped: str,
) -> _T | None:
    """Call a function until it returns something, and return that; None once the time is over.

    A fault of AWS that may pass does not end the wait. Times are in seconds; `stopped` says what
    goes on without this process, and how to take it up again.

    Raises:
        StoppedError: It was stopped.
        AwsError: AWS still failed when the time was over.
    """
    from tenacity import (  # noqa: PLC0415 - of the extra `release`
        RetryError,
        Retrying,
        retry_if_exception_type,
        retry_if_result,
        stop_after_delay,
        wait_fixed,
    )

    waiting = Retrying(
        stop=stop_after_delay(timeout),
        wait=wait_fixed(interval),
        retry=retry_if_result(lambda found: found is None)
        | retry_if_exception_type((AwsThrottledError, AwsUnreachableError)),
        sleep=pause(stop),
    )
    try:
        return waiting(look)
    except StoppedError:
        raise StoppedError(stopped) from None
    except RetryError as ended:
        failure = ended.last_attempt.exception()
        if isinstance(failure, AwsError):
            raise failure from None
        return None
