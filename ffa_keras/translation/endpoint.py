"""What forms of a generator are known by outside; needs no TensorFlow."""

# The signature of SavedModels and TFLite files: grey levels to grey levels.
SERVING_DEFAULT = "serving_default"


def of_size(height: int, width: int) -> str:
    """Return the name of the signature of a TFLite file for one size.

    Args:
        height: of the photographs, pixels.
        width: of the photographs, pixels.
    """
    return f"{SERVING_DEFAULT}_{width}x{height}"


# In the metadata of an exported model: of the field of view that it knows,
# pixels. Its endpoints take photographs at whatever size they are given; who
# calls them scales the photographs to it.
FIELD_DIAMETER = "Field diameter"
