"""The light of the world: sky, sun, haze, headlights and street lamps, shadows and glare."""
