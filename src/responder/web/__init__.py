"""The HTTP API, slash commands and the page."""
