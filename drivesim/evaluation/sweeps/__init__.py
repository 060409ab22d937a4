"""Sweeps: one scenario in many variants, rolled out beside each other, and a table of what came of them."""
