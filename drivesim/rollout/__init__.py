"""A rollout on disk: from a request to a folder with films, labels and manifest, which goes on where it was stopped."""
