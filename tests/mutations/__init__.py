"""Good requests, spoilt at random, sent to a real server by two clients: see __main__.py."""
