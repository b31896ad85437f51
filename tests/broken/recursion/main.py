def depth(tree):
    return 1 + depth(tree)


def main():
    print(depth({}))


if __name__ == "__main__":
    main()
