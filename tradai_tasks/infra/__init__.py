"""Pulumi: what a preview or an update of a stack comes to, and saying so on the pull request."""
