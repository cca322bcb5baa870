"""Image files, phantoms, panels, and the former names of what moved."""
