import subprocess


def free_memory():
    return subprocess.run(["nvidia-smi", "--query-gpu=memory.free"], capture_output=True, check=True).stdout


def main():
    print(free_memory())


if __name__ == "__main__":
    main()
