"""Parse files in INI format that tools are configured by."""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as ConfigError


def read_ini(content: bytes) -> ConfigParser | None:
    """Return a file's sections; None for a broken file, of which its tool says what is wrong."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(content.decode("utf-8", "replace"))
    except ConfigError:
        return None
    return parser
