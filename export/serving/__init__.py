"""TensorFlow Serving: clients of both of its APIs, and warm-up requests."""
