"""The error of whatever a user can cause; knows nothing else, TensorFlow least."""


class UserError(Exception):
    """Something that a user can cause and cure; its message is all they need to see."""
