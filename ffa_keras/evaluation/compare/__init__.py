"""Train every system alike and judge them side by side."""
