"""The paper's tables and figures, with statistics."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
