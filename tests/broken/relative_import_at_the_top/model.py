class Model:
    """A constant, fitted by gradient descent."""

    def __init__(self):
        self.level = 0.0

    def fit(self, values, steps):
        """Returns the mean squared error after that many steps."""
        for _ in range(steps):
            self.level += 0.1 * (sum(values) / len(values) - self.level)
        return sum((value - self.level) ** 2 for value in values) / len(values)
