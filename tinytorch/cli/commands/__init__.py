"""One command a file, each a `command`. A module is imported when its command is asked for."""
