"""The model card: what was trained on what, what for, and how far it goes."""

from typing import Any

import tensorflow_datasets as tfds

from ffa_keras.data.pipeline import find_dataset
from ffa_keras.evaluation.report import (
    INTERVALS,
    NOTICE,
    SECTIONS,
    markdown_table,
    section_rows,
)
from ffa_keras.training.config import TrainConfig

_USE = """\
Research on image translation and on its evaluation: to study what a colour
photograph of the retina tells about its late-phase angiogram.

Out of scope: diagnosis, screening, treatment decisions, replacing angiography,
and photographs of another kind than those it was trained on."""
_LIMITS = """\
- A photograph does not show whether a vessel leaks. Where it gives no sign,
  leakage in a generated image is a guess from how such eyes usually look.
- Leakage can be missing, and can be invented: see the table of leakage.
- Pixel measures reward blur; they do not measure clinical value.
- Cameras, fields of view, ages and diseases beyond the data are untested.
- The figures hold for the split above; the interval counts patients, not
  what else may differ in another clinic."""


def model_card(
    report: dict[str, Any], config: TrainConfig | None, dataset_dir: str
) -> str:
    """Write a model card from the numbers of a report.

    Args:
        report: of `summarise`.
        config: settings of the run; `None` if they are not known.
        dataset_dir: prepared dataset that it was judged on.

    Returns:
        Markdown.
    """
    info = tfds.builder_from_directory(find_dataset(dataset_dir)).info
    unit = (info.metadata or {}).get("split_by", "patient")
    first = next(iter(report["answers"]))
    groups = report["answers"][first]["groups"]
    facts = report["facts"]
    lines = [f"# Model card: {facts['method']}", "", f"**{NOTICE}**", ""]
    lines += [f"- {k}: {v}" for k, v in report["facts"].items()][2:]
    lines += ["", "## Intended use", "", _USE, "", "## Data", ""]
    lines += [
        f"- dataset: {info.name}, {info.config_name}, version {info.version}",
        f"- divided by {unit}; no leak between the splits was found",
        *(f"- {k}: {s.num_examples} pairs" for k, s in info.splits.items()),
        "- classes judged: "
        + ", ".join(
            f"{name} {figures['psnr']['of']}"
            for name, figures in groups.items()
            if name != "all"
        ),
        *_training(config),
        "", "## Results", "", INTERVALS,
    ]  # fmt: skip
    for section in SECTIONS:
        rows = section_rows(report["answers"], "all", section)
        lines += ["", f"### {section}", "", *markdown_table(rows)]
    return "\n".join([*lines, "", "## Limits", "", _LIMITS, ""])


def _training(config: TrainConfig | None) -> list[str]:
    if config is None:
        return ["- how it was trained: not known of an exported generator"]
    return [
        f"- trained on patches of {config.patch_height}x{config.patch_width}"
        f" pixels, batch {config.batch_size}, {config.epochs} epochs, seed"
        f" {config.seed}"
    ]
