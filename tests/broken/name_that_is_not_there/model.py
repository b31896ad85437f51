class Net:
    """The file that was written before called it so."""
