def count(values):
    return len(values)
