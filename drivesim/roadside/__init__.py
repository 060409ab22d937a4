"""The plan of a road and what stands beside it: alignment, cross-section, and things cell by cell, without pictures."""
