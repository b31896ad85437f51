from ..numbers_of import count


def mean(values):
    return sum(values) / count(values)
