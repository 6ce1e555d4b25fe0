"""What the two local pages for a person's judgement share: safety, look, keyboard."""

import dataset  # noqa: F401  Sets TensorFlow up before it is imported.
