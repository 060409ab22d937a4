"""What `import drivesim` gives: the names are listed, and loaded when they are asked for, in drivesim/__init__.py."""
