"""Sessions for CI: affected selection, tags, the gate job and workflow files."""
