"""Scenarios as ASAM OpenSCENARIO (.xosc) and OpenDRIVE (.xodr), and back."""
