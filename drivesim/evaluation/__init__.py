"""Figures of trained weights and finished rollouts, one module for each thing that `drivesim evaluate` measures."""
