"""Flags that the export programs share."""

from absl import flags

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Run folder, or 'pretrained'.", required=True
)
OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Folder of the versions, file.tflite or page.html.",
    required=True,
)
