"""A finished rollout as one page that is opened from disk: films, labels, figures, and how to make it again."""
