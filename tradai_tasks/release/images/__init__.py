"""Build, push and look up the container images of a release."""
