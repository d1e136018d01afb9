"""Puts this folder on the import path: tests of any folder share `logs`."""
