r"""Write a page that translates photographs in a browser, without a server.

    python -m export.web_page --model=pretrained --output=ffa.html

One file, opened by double click, with the generator inside. Photographs stay
on the computer: the page forbids itself every connection.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli

from .. import shared_flags
from ..shared_flags import OUTPUT, RUN_DIR

flags.adopt_module_key_flags(shared_flags)
flags.DEFINE_alias("model", "run_dir")
_TEXTS = flags.DEFINE_string(
    "texts", "", "JSON file with the page's texts in another language."
)


def main(page: ModuleType) -> None:
    """Export and say where to."""
    file = page.export_web_page(RUN_DIR.value, OUTPUT.value, _TEXTS.value)
    size = file.stat().st_size / 1e6
    print(f"Web page: {file}, {size:.1f} MB; open it in a browser")


if __name__ == "__main__":
    cli.run(main, f"{__package__}.page")
