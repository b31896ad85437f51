def train(epochs, learning_rate):
    return epochs * learning_rate
