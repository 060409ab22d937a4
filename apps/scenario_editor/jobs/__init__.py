"""The queue of rollouts, each a process of `drivesim rollout` in a folder of its own."""
