"""The formats that a finished rollout is exported in, a module each."""
