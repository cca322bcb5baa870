"""Run a trained generator: in any of its forms, on photographs of any size.

Nothing here knows how a generator was trained.
"""
