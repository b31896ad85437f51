"""Command line: what a terminal shows, and how everything is put together."""
