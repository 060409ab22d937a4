"""The vehicle detector: a small anchor-free network, a measuring instrument that knows rendered frames alone."""
