"""What forms of a generator are known by outside; needs no TensorFlow."""

# The signature of SavedModels and TFLite files: grey levels to grey levels.
SERVING_DEFAULT = "serving_default"
