"""Needs to readings: one module per source of context."""
