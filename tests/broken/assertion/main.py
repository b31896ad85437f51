def split(values, parts):
    assert len(values) % parts == 0, f"{len(values)} values cannot be split into {parts} equal parts"
    return [values[start::parts] for start in range(parts)]


def main():
    print(split(range(10), 4))


if __name__ == "__main__":
    main()
