"""The layout as a condition: the maps of ground, roadside and vehicles."""
