"""The typed model of `[tool.tradai-tasks]` and how it is read."""
