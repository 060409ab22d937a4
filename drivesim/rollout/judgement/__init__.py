"""What a finished future says of itself: whether its film shows what its labels say, and keeps its look."""
