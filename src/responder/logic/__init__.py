"""The verbs: pure and synchronous, without clock or I/O."""
