def batch(values, indices):
    chosen = []
    for index in indices:
        chosen.append(values[index])
    return chosen


def main():
    print(batch([1, 2], [0, 5]))


if __name__ == "__main__":
    main()
