"""Look for what two splits of a prepared dataset share."""
