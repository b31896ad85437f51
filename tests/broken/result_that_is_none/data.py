def load(split):
    if split == "test":
        return [1, 2]
