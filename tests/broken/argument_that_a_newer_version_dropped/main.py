import random


def main():
    classes = {"cat", "dog", "bird"}
    print(random.sample(classes, 2))


if __name__ == "__main__":
    main()
