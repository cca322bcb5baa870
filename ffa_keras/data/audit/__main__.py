r"""Look for leaks between the splits of a prepared dataset.

    python -m ffa_keras.data.audit --dataset_dir=data

Prints every patient, eye, identical and nearly identical image that two splits
share, by the hashes of the records. Exit status 0: none. 1: some.
"""

from absl import flags

from ffa_keras import cli  # isort: skip  (before TensorFlow)
from ffa_keras.data.audit import audit_dataset

_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir",
    None,
    "Prepared dataset: the folder with dataset_info.json or one above.",
    required=True,
)


def main() -> int:
    """Print the leaks."""
    leaks = audit_dataset(_DATASET_DIR.value)
    for leak in leaks:
        print(leak)
    print(f"{len(leaks)} leaks" if leaks else "no leak between the splits")
    return 1 if leaks else 0


if __name__ == "__main__":
    cli.run(main)
