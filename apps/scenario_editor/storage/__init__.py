"""Sessions, uploads and saved scenarios on disk."""
