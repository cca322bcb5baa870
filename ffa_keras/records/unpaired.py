"""Training patches whose photographs and FFA images do not belong together."""

from typing import Any

import tensorflow as tf

from ffa_keras.records.pipeline import TrainingPatches

# The FFA images of an epoch are those of one so much later: another order of
# the pairs, other places, other variations. No run has so many epochs.
_LATER = 500_000


class UnpairedPatches(TrainingPatches):
    """Batches of unpaired training patches, for CycleGAN.

    The pairs are read once; each epoch takes its photographs in one order and
    its FFA images in another. As in CycleGAN's own sampling, the two come from
    one pair now and then by chance.

    Args:
        dataset: whose train split is read.
        sampling: size, place and variation of the patches.
        seed: of every order and random choice.
    """

    def epoch(
        self, epoch: int, batch_size: int, skip: int = 0
    ) -> tf.data.Dataset:
        """Return the batches of an epoch.

        Args:
            epoch: its number, from 0, less than 500,000.
            batch_size: patches in a batch; an incomplete last one is dropped.
            skip: batches left out at the start, to resume within an epoch.

        Returns:
            Dataset of `fundus` float32 [B, height, width, 3] and `ffa` float32
            [B, height, width, 1], in [-1, 1], of different patches, and `pair`
            int64 [2 B], the positions in `pair_ids` of the photographs, then
            of the FFA images.
        """
        fundus = super().epoch(epoch, batch_size, skip)
        ffa = super().epoch(epoch + _LATER, batch_size, skip)

        def unpair(
            first: dict[str, Any], second: dict[str, Any]
        ) -> dict[str, Any]:
            return {
                "fundus": first["fundus"],
                "ffa": second["ffa"],
                "pair": tf.concat([first["pair"], second["pair"]], 0),
            }

        return tf.data.Dataset.zip(fundus, ffa).map(unpair)
