"""Write the trained generator in forms that others load."""
