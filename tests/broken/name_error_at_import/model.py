@torch.no_grad()
def loss(values):
    return sum(values)
