"""The networks that are trained: autoencoder, image LDM, video LDM and super-resolution."""
