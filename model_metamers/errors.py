"""The errors of the package that are the user's to mend."""


class InputError(ValueError):
    """Something given to the package cannot be used.

    The message says what was given, what was expected and what to do. Binaries print
    it as one line; every other exception is a defect and keeps its traceback.
    """


class StorageError(InputError):
    """A file or folder cannot be written: the disk is full, it is read-only, or the name is too long."""
