"""A scenario's layout as a picture and a film, seen before anything is generated."""
