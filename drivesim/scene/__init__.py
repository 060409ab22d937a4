"""The terms that all of the house shares: camera, road, boxes, classes, and the geometry between them."""
