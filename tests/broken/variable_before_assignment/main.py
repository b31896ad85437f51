def train(epochs):
    for epoch in range(epochs):
        best = epoch
    return best


def main():
    print(train(epochs=0))


if __name__ == "__main__":
    main()
