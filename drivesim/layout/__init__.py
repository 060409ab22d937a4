"""Where everything is seen at a moment, as maps of the frame: ground, solids, vehicles and their flow to the next frame."""
