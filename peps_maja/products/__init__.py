"""Tiles, products, series and records: frozen values that follow from names, without any side effect."""
