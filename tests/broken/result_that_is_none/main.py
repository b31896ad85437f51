from data import load


def main():
    print(load("train").shape)


if __name__ == "__main__":
    main()
