done = False
while not done:
    pass
