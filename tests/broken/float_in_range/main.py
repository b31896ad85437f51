def main():
    for step in range(10 / 2):
        print(step)


if __name__ == "__main__":
    main()
