class Table:
    def __init__(self, rows):
        self.rows = rows
        self.shape = (len(rows), len(rows[0]))


def load(split):
    """The `Table` of "training" or "test": columns x and y. None for any other split."""
    if split == "training":
        return Table([(0.0, 0.1), (1.0, 1.9), (2.0, 4.2)])
    if split == "test":
        return Table([(3.0, 6.1), (4.0, 7.8)])
