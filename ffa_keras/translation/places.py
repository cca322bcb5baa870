"""Where a generator lies: a run folder, the package, or a file of its own."""

from pathlib import Path

from ffa_keras.errors import InputError

# By which a run folder is known.
CONFIG_NAME = "flags.cfg"
GENERATOR_NAME = "generator.keras"
# The released generator, in the place of a path.
PRETRAINED = "pretrained"
_PRETRAINED_FOLDER = Path(__file__).parents[1] / PRETRAINED


def locate(model: str | Path) -> Path:
    """Return where a model lies that a user names.

    Args:
        model: a path, or `"pretrained"`, the generator of this package, whose
            folder is that of a run.
    """
    return _PRETRAINED_FOLDER if str(model) == PRETRAINED else Path(model)


def is_run_folder(path: str | Path) -> bool:
    """Return whether a path is the folder of a run."""
    return (Path(path) / CONFIG_NAME).is_file()


def generator_file(run_dir: str | Path) -> Path:
    """Return where a run's generator is: the best so far, or the last.

    Args:
        run_dir: folder of the run, `"pretrained"`, or the `.keras` file itself.

    Raises:
        InputError: the run has saved no generator yet.
    """
    path = locate(run_dir)
    if path.suffix != Path(GENERATOR_NAME).suffix:
        path /= GENERATOR_NAME
    if not path.is_file():
        raise InputError(
            f"--run_dir={run_dir}: no {GENERATOR_NAME} there; train first with"
            " train_main.py"
        )
    return path
