from .model import Model


def main():
    print(Model())


if __name__ == "__main__":
    main()
