"""Commands that take words instead of scenarios, for public image models."""
