"""The procedural driving world, which renders the clips that the models learn from."""
