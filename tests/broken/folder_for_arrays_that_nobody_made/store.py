import numpy as np


def keep(weights, folder, step):
    if step > 0:
        np.save(
            folder / f"step-{step}.npy",
            weights,
        )
