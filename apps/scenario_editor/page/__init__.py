"""What the page shows of a session: the view, and the choices of its form."""
