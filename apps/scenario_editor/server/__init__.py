"""The page's requests, and what it loads beside them."""
