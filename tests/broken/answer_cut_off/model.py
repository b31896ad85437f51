def predict(value):
    """What the model says of a value."""
    if value > 0:
