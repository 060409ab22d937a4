"""The cascade of models as one object: first frame, key frames, frames between and upsampling of a future, as a stream."""
