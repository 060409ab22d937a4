"""The stages of training, one model each: its network, its loss and its figures."""
