from models.network import Network


def main():
    print(Network())


if __name__ == "__main__":
    main()
