"""Asyncio mechanics that know no incident words."""
