"""What forms of a generator are known by outside; needs no TensorFlow."""

# The signature of SavedModels and TFLite files: grey levels to grey levels.
SERVING_DEFAULT = "serving_default"
# In the archive behind a TFLite file, and there the SHA-256 of the file
# without the archive.
METADATA_NAME = "metadata.json"
SHA256 = "sha256"
