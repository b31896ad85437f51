class Model:
    """Where the plan put it."""
