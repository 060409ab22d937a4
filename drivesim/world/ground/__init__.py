"""The ground of the world: pavement and paint, grass, and their radiance."""
