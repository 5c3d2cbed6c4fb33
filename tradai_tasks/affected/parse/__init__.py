"""From one file's text to its facts."""
