"""Adversarial losses: non-saturating (paper, Eqs. 2 and 4), least squares."""

import tensorflow as tf


def generator_adversarial_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """Return -log D(fundus, fake), averaged over patches (Eq. 4).

    Args:
        fake_logits: float tensor [B, H', W', 1], the discriminator's logits on
            generated pairs.

    Returns:
        float32 tensor [B].
    """
    return _mean_cross_entropy(fake_logits, tf.ones_like(fake_logits))


def discriminator_adversarial_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> tf.Tensor:
    """Return the mean of -log D(real) and -log(1 - D(fake)) (Eq. 2).

    The mean rather than the sum of the two, as in pix2pix, which slows the
    discriminator down against the generator.

    Args:
        real_logits: float tensor [B, H', W', 1], logits on real pairs.
        fake_logits: float tensor [B, H', W', 1], logits on generated pairs.

    Returns:
        float32 tensor [B].
    """
    real = _mean_cross_entropy(real_logits, tf.ones_like(real_logits))
    fake = _mean_cross_entropy(fake_logits, tf.zeros_like(fake_logits))
    return 0.5 * (real + fake)


def undecided_loss(logits: tf.Tensor) -> tf.Tensor:
    """Return how far a discriminator is from a verdict of one half.

    The cross-entropy against 0.5, averaged over patches: least, log 2, where
    it cannot tell.

    Args:
        logits: float tensor [B, H', W', 1].

    Returns:
        float32 tensor [B].
    """
    return _mean_cross_entropy(logits, tf.fill(tf.shape(logits), 0.5))


def generator_least_squares_loss(fake_scores: tf.Tensor) -> tf.Tensor:
    """Return (D(fake) - 1)^2, averaged over patches, as CycleGAN takes it.

    Args:
        fake_scores: float tensor [B, H', W', 1], the discriminator's answers
            to generated images.

    Returns:
        float32 tensor [B].
    """
    return _mean_square(fake_scores - 1.0)


def discriminator_least_squares_loss(
    real_scores: tf.Tensor, fake_scores: tf.Tensor
) -> tf.Tensor:
    """Return the mean of (D(real) - 1)^2 and D(fake)^2.

    Mao et al., Least Squares Generative Adversarial Networks, 2017; the mean
    rather than the sum of the two, as in CycleGAN.

    Args:
        real_scores: float tensor [B, H', W', 1], answers to real images.
        fake_scores: float tensor [B, H', W', 1], answers to generated images.

    Returns:
        float32 tensor [B].
    """
    return 0.5 * (_mean_square(real_scores - 1.0) + _mean_square(fake_scores))


def _mean_square(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(values), axis=(1, 2, 3))


def _mean_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(labels, logits), axis=(1, 2, 3)
    )
