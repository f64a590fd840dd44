"""Bytes in, acknowledgement out, no parsing: one module per transport."""
