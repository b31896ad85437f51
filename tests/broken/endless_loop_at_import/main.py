import queue_of_jobs


def main():
    print(queue_of_jobs)


if __name__ == "__main__":
    main()
