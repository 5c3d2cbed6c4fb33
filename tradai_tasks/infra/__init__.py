"""Run Pulumi previews and updates, and comment their changes on the pull request."""
