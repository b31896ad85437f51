def main():
    print(input("Which data set? "))


if __name__ == "__main__":
    main()
