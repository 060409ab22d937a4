"""Meshes and sprites of what stands beside the road: buildings, posts, signs and plants."""
