from trainer import train


class Model:
    def fit(self):
        return train(self)
