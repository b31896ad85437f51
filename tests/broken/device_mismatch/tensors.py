"""As much of a tensor as it takes to be on the wrong device."""


class Tensor:
    def __init__(self, values, device="cpu"):
        self.values, self.device = values, device

    def to(self, device):
        return Tensor(self.values, device)

    def __mul__(self, other):
        if self.device != other.device:
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{self.device} and {other.device}!"
            )
        return Tensor([a * b for a, b in zip(self.values, other.values)], self.device)

    def mean(self):
        return sum(self.values) / len(self.values)
