"""What a user can cause and put right; imports nothing, TensorFlow least of all."""


class UserError(Exception):
    """Its message is all that its user needs to see: the flag or file, and the cure.

    Whatever else is raised is a defect of the program.
    """
