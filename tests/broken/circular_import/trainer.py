from model import Model


def train(model: Model, values):
    for value in values:
        model.level += 0.1 * (value - model.level)
    return sum((value - model.level) ** 2 for value in values) / len(values)
