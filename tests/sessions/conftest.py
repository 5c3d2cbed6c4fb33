"""The fixture that runs nox in this process, for every test of the sessions."""

from tests.support.inprocess import run

__all__ = ["run"]
