from urllib.request import urlopen

IMAGES = urlopen("http://192.0.2.1/mnist.gz", timeout=1).read()
