import os


def main():
    device = f"cuda:{os.environ['CUDA_VISIBLE_DEVICES'].split(',')[0]}"
    print(device)


if __name__ == "__main__":
    main()
