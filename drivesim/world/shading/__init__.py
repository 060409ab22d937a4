"""What a visible sample looks like: materials, facades, signs and vegetation in the light."""
