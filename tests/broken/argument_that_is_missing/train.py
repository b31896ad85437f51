class Level:
    def __init__(self):
        self.value = 0.0


class SGD:
    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def step(self, model, gradient):
        model.value -= self.learning_rate * gradient


class Trainer:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def fit(self, values):
        """Returns the mean squared error after one pass."""
        for value in values:
            self.optimizer.step(self.model, 2 * (self.model.value - value))
        return sum((value - self.model.value) ** 2 for value in values) / len(values)
