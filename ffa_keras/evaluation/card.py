"""The model card: what was trained on what, what for, and how far it goes."""

import collections
import json
import math
from typing import Any

from ffa_keras.evaluation.rendering import (
    intervals_note,
    markdown_table,
    section_rows,
)
from ffa_keras.evaluation.results import (
    ALL,
    NOTICE,
    UNKNOWN,
    Report,
    SystemResult,
)
from ffa_keras.evaluation.subgroups import PHASE
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.training.config import TrainConfig

_USE = """\
Research on image translation and on its evaluation: to study what a colour
photograph of the retina tells about its angiogram.

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
    report: Report, dataset: PreparedDataset, config: TrainConfig | None = None
) -> str:
    """Write a model card from the numbers of a report.

    Args:
        report: of `summarise`; the card is of its first system.
        dataset: that it was judged on.
        config: what it was trained with, if that is known.

    Returns:
        Markdown, with the front matter that model hubs read.
    """
    info = dataset.info
    name, system = next(iter(report.systems.items()))
    title = config.method if config else name
    lines = _front_matter(report, system, title, f"{info.name} {info.version}")
    lines += [f"# Model card: {title}", "", f"**{NOTICE}**", ""]
    lines += [f"- {key}: {value}" for key, value in report.facts.items()]
    lines += ["", "## Intended use", "", _USE, "", "## Data", ""]
    lines += [
        f"- dataset: {info.name}, {info.config_name}, version {info.version}",
        f"- divided by {dataset.split_by}; leaks between the splits:"
        f" {report.leaks_found}",
        *(
            f"- {store.replace('_', ', alone: ')}: {split.num_examples}"
            + ("" if "_" in store else " pairs")
            for store, split in info.splits.items()
        ),
        f"- classes judged: {_classes(system)}",
        f"- seconds after injection: {_phases(system)}",
    ]
    if config:
        lines += [
            f"- trained on patches of {config.patch_height}x"
            f"{config.patch_width} pixels, batch {config.batch_size},"
            f" {config.epochs} epochs, seed {config.seed}"
        ]
    else:
        lines += ["- how it was trained: not known of an exported generator"]
    lines += ["", "## Results", "", intervals_note(report)]
    for section, metrics in report.sections().items():
        rows = section_rows(report, ALL, metrics)
        lines += ["", f"### {section}", "", *markdown_table(rows)]
    return "\n".join([*lines, "", "## Limits", "", _LIMITS, ""])


def _front_matter(
    report: Report, system: SystemResult, title: str, dataset: str
) -> list[str]:
    """Return the lines that model hubs read: YAML whose values are JSON."""
    estimates = system.groups[ALL]
    metrics = [
        {
            "type": metric.name,
            "name": metric.label,
            "value": round(estimates[metric.name].mean, metric.digits),
        }
        for metric in report.metrics
        if math.isfinite(estimates[metric.name].mean)
    ]
    task = {"type": "image-to-image", "name": "fundus photograph to FFA"}
    fields: dict[str, Any] = {
        "library_name": "keras",
        "pipeline_tag": "image-to-image",
        # Whose data and weights these are decides; nobody has told.
        "license": "unknown",
        "tags": ["fundus", "fluorescein-angiography", "synthetic", "research"],
        "model-index": [
            {
                "name": title,
                "results": [
                    {
                        "task": task,
                        "dataset": {"name": dataset, "type": "private"},
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in fields.items()]
    return ["---", *lines, "---", ""]


def _classes(system: SystemResult) -> str:
    """Say how many eyes there are of each class."""
    told = [
        f"{name} {next(iter(estimates.values())).of}"
        for name, estimates in system.groups.items()
        if name != ALL and ": " not in name
    ]
    return ", ".join(told) or UNKNOWN


def _phases(system: SystemResult) -> str:
    """Say how many angiograms were taken when."""
    known = collections.Counter(
        image.groups.get(PHASE, UNKNOWN) for image in system.images
    )
    if set(known) <= {UNKNOWN}:
        return (
            "not known of any angiogram judged, so that none may be called late"
        )
    return ", ".join(f"{count} {phase}" for phase, count in known.items())
