r"""Look for leaks between the splits of a prepared dataset.

    python -m ffa_keras.records.audit --dataset_dir=data

Prints every patient, eye, identical and nearly identical image that two splits
share, by the hashes of the records. Exit status 0: none, and a dataset that was
made by `tfds build` may be trained on from now on. 1: some.
"""

from absl import flags

from ffa_keras import cli  # isort: skip  (before TensorFlow)
from ffa_keras.records.audit import audit_dataset, record_audit
from ffa_keras.records.dataset import PreparedDataset, find_dataset

_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir",
    None,
    "Prepared dataset: the folder with dataset_info.json or one above.",
    required=True,
)


def main() -> int:
    """Print the leaks."""
    dataset = PreparedDataset.open(find_dataset(_DATASET_DIR.value))
    leaks = audit_dataset(dataset)
    for leak in leaks:
        print(leak)
    print(f"{len(leaks)} leaks" if leaks else "no leak between the splits")
    if not leaks and not dataset.audited:
        record_audit(dataset)
    return 1 if leaks else 0


if __name__ == "__main__":
    cli.run(main)
