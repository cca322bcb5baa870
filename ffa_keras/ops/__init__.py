"""Pure TensorFlow image operations: filters, saliency, value ranges."""
