def predict(value):
    return value + 1
