class Network:
    """Lives in net.py."""
