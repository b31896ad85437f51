from model import Network


def main():
    print(Network())


if __name__ == "__main__":
    main()
