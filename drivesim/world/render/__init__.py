"""From meshes and sprites to the pixels of a frame: visibility, id map, sensor."""
