"""Rules and skills on disk, read into the model, linted and tested."""
