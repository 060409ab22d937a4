"""The traffic of a scenario: its vehicles and their scripted actions, and the companions drawn for each future."""
