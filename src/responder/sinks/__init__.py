"""Reports to receipts: one module per channel, its rendering included."""
