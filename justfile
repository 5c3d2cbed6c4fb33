# Short names for `uv run nox`; every recipe is one session.

# What there is
default:
    uv run nox -l

# Lint, types and tests
check:
    uv run nox -s check

# Mend what ruff can mend
fmt:
    uv run nox -s fmt

lint:
    uv run nox -s lint

typecheck:
    uv run nox -s typecheck

test *args:
    uv run nox -s test -- {{args}}

# See the library at work on an example monorepo
tour:
    uv run nox -s tour
