"""How good what the shipped weights make is, beside renders of the same layouts: what `drivesim evaluate fidelity` measures."""
