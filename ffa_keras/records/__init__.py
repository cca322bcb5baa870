"""Prepared datasets: what a record holds, finding, reading, batches."""
