"""Compare uv.lock and pyproject.toml before and after a change."""
