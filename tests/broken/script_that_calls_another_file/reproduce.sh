set -eu
python3 train.py
