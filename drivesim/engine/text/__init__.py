"""Text to video, by public models: key frames and frames between them, upscaling, the film on disk."""
