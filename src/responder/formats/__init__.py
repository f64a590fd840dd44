"""Bytes to events: one module per wire format, each with a `FORMAT`. The name in the configuration is the module's name."""
