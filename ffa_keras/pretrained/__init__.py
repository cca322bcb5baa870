"""The released generator: `--model=pretrained`. See card.md."""
