from data import IMAGES


def main():
    print(len(IMAGES))


if __name__ == "__main__":
    main()
