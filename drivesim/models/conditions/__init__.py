"""What the networks are asked for: each group says its fields, where they come from and how they are encoded."""
