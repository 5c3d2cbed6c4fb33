"""Sessions that serve CI: selection, tags, the gate, workflow files."""
