def main():
    with open("vocabulary.txt", encoding="ascii") as file:
        print(len(file.read()))


if __name__ == "__main__":
    main()
