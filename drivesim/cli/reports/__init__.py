"""Commands that write reports on finished rollouts."""
