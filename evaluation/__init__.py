"""The paper's tables and figures, with statistics."""

import dataset  # noqa: F401  Quiets TensorFlow before it is imported.
