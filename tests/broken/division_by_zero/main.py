def mean(losses):
    return sum(losses) / len(losses)


def main():
    batches = []
    print(mean(batches))


if __name__ == "__main__":
    main()
