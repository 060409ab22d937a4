"""The scenario file: its values, how its YAML is read, what is checked, and how errors are put into words."""
