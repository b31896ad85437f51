from options import OPTIONS


def main():
    print(OPTIONS)


if __name__ == "__main__":
    main()
