"""Put first on the path of a Python that `provsdk trace` starts."""
