"""Three numbers that belong together."""

Point = tuple[float, float, float]
"""x, y, z in m; the frame is said where it is used."""
Colour = tuple[float, float, float]
"""Red, green, blue, 0 to 1: sRGB of paints, linear albedo of surfaces."""
