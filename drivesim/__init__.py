"""Driving-scenario simulation: a YAML scenario becomes minutes of driving video, in several futures."""

__version__ = "0.1.0"
