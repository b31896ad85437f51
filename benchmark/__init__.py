"""Methods × papers → tables."""
