"""What TensorBoard shows of a run."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.plugins.hparams import metadata

from ffa_keras.training.logs import TensorBoardLog


def test_settings_stand_beside_the_scores_for_the_hparams_tab(tmp_path):
    log = TensorBoardLog(tmp_path, {"train": 0, "validation": 0})
    settings = {
        "method": "proposed", "learning_rate": 2e-4, "batch_size": 1,
        "flip": True,
    }  # fmt: skip
    log.settings(settings)
    log.scalars("validation", {"psnr": 20.0}, 5)

    events = EventAccumulator(str(tmp_path / "validation")).Reload()
    assert events.Tensors("psnr")
    content = events.PluginTagToContent(metadata.PLUGIN_NAME)
    start = metadata.parse_session_start_info_plugin_data(
        content[metadata.SESSION_START_INFO_TAG]
    )
    written = {
        name: getattr(value, value.WhichOneof("kind"))
        for name, value in start.hparams.items()
    }
    assert written == pytest.approx(settings)
