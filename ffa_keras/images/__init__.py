"""Image files read and written, and pictures made to be looked at."""
