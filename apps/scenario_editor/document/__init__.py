"""The YAML text, the values in it, and edits that change only the lines they mean."""
