"""The train_step of each system, and the systems by name.

A system is a `System`: a `generator`, `train_step`, `test_step`, `optimizers`
by name, and the running means `train_means` and `validation_means`. All its
state lies in variables, so a run that is resumed goes on to the last bit.
"""

from ffa_keras.methods.conditional_gan import (
    ConditionalGan,
    no_patchgan,
    no_saliency,
    pix2pix,
    proposed,
)
from ffa_keras.methods.cycle_gan import CycleGan, cyclegan
from ffa_keras.methods.image_pool import ImagePool
from ffa_keras.methods.regression import (
    Regression,
    resnet_regression,
    unet_regression,
)
from ffa_keras.methods.system import System

# In the order of the paper's tables, then the regressions.
METHODS = {
    "proposed": proposed,
    "no_saliency": no_saliency,
    "no_patchgan": no_patchgan,
    "pix2pix": pix2pix,
    "cyclegan": cyclegan,
    "unet_regression": unet_regression,
    "resnet_regression": resnet_regression,
}
# Those that are given photographs and FFA images of different patches.
UNPAIRED = ("cyclegan",)

__all__ = [
    "METHODS",
    "UNPAIRED",
    "ConditionalGan",
    "CycleGan",
    "ImagePool",
    "Regression",
    "System",
]
