"""A harness for detectors: how well one finds the vehicles of finished rollouts, and where it does not."""
