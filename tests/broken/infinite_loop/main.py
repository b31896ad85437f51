def main():
    error = 1.0
    while error > 0:
        error = abs(error - 2)
    print(error)


if __name__ == "__main__":
    main()
