"""`drivesim doctor`: what is wrong with a rollout's folder, and how it is made whole."""
