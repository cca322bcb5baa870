r"""Look for leaks between the splits of a prepared dataset.

    python -m ffa_keras.records.audit --dataset_dir=data

Prints every patient, eye, identical and nearly identical image that two splits
share, by the hashes of the records. Exit status 0: none, and a dataset that was
made by `tfds build` may be trained on from now on. 1: some.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli

_DATASET_DIR = flags.DEFINE_string(
    "dataset_dir",
    None,
    "Prepared dataset: the folder with dataset_info.json or one above.",
    required=True,
)


def main(audit: ModuleType, datasets: ModuleType) -> int:
    """Print the leaks."""
    dataset = datasets.PreparedDataset.open(
        datasets.find_dataset(_DATASET_DIR.value)
    )
    leaks = audit.audit_dataset(dataset)
    for leak in leaks:
        print(leak)
    print(f"{len(leaks)} leaks" if leaks else "no leak between the splits")
    if not leaks and not dataset.audited:
        audit.record_audit(dataset)
    return 1 if leaks else 0


if __name__ == "__main__":
    cli.run(main, "ffa_keras.records.audit.leaks", "ffa_keras.records.dataset")
