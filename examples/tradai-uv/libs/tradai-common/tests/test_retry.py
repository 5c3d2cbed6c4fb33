from unittest import mock

import pytest

from tradai.common.retry import RetryPolicy, retrying


class BusyError(Exception):
    pass


def test_delays_grow_up_to_the_limit() -> None:
    policy = RetryPolicy(attempts=5, first_delay=1.0, factor=3.0, max_delay=10.0)
    assert list(policy.delays()) == [1.0, 3.0, 9.0, 10.0]


@pytest.mark.parametrize(
    "numbers", [{"attempts": 0}, {"first_delay": -1.0}, {"factor": 0.5}, {"jitter": -0.1}]
)
def test_senseless_policies_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        RetryPolicy(**numbers)  # type: ignore[arg-type]


def test_calls_again_until_it_works() -> None:
    function = mock.Mock(side_effect=[BusyError(), BusyError(), "done"], __name__="function")
    policy = RetryPolicy(attempts=3, first_delay=2.0, jitter=0.0)
    with mock.patch("tradai.common.retry.sleep") as sleep:
        assert retrying(policy, on=(BusyError,))(function)(1, key=2) == "done"
    assert [call.args[0] for call in sleep.call_args_list] == [2.0, 4.0]
    assert function.call_args_list == [mock.call(1, key=2)] * 3


def test_the_last_failure_reaches_the_caller() -> None:
    function = mock.Mock(side_effect=BusyError("still busy"), __name__="function")
    policy = RetryPolicy(attempts=2, first_delay=0.0)
    with pytest.raises(BusyError, match="still busy"):
        retrying(policy, on=(BusyError,))(function)()
    assert function.call_count == 2


def test_other_failures_are_not_repeated() -> None:
    function = mock.Mock(side_effect=KeyError("x"), __name__="function")
    with pytest.raises(KeyError):
        retrying(RetryPolicy(), on=(BusyError,))(function)()
    assert function.call_count == 1


def test_jitter_only_lengthens() -> None:
    function = mock.Mock(side_effect=[BusyError(), "done"], __name__="function")
    policy = RetryPolicy(attempts=2, first_delay=1.0, jitter=0.5)
    with mock.patch("tradai.common.retry.sleep") as sleep:
        retrying(policy, on=(BusyError,))(function)()
    assert 1.0 <= sleep.call_args.args[0] <= 1.5
