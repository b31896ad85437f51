import threading

LOCK = threading.Lock()


def log(message):
    with LOCK:
        print(message)


def main():
    with LOCK:
        log("epoch 1")


if __name__ == "__main__":
    main()
