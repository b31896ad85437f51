import pickle
import threading


class Model:
    def __init__(self):
        self.lock = threading.Lock()


def main():
    with open("model.pkl", "wb") as file:
        pickle.dump(Model(), file)


if __name__ == "__main__":
    main()
