"""Incident triage for GPU clusters: alerts and job events in, one evidence-cited report per incident out."""

__version__ = "0.1.0"
