from train import train


def main():
    print(train(epochs=1, lr=0.1))


if __name__ == "__main__":
    main()
