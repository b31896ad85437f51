def main():
    with open("../data/train.csv") as file:
        print(file.read())


if __name__ == "__main__":
    main()
