"""From evidence to affected packages, each with its reason."""
