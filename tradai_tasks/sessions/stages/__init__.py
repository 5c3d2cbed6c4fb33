"""What runs the stages of a release, for the sessions that release something."""
