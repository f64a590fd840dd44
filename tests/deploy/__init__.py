"""What deploy/ and docs/ promise, each checked by its own tool where that runs here."""
