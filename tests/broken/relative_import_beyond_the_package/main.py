from methods.mean import mean


def main():
    print(mean([1, 2]))


if __name__ == "__main__":
    main()
