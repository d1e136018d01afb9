"""A labelled corpus of secrets and of look-alikes, made by code from random parts with a fixed seed."""
