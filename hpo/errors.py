"""The one exception for what the user can mend. The command line prints it and exits with code 2."""

from __future__ import annotations


class UserError(Exception):
    """Bad input, or a state that only the user can change.

    Args:
        message: where it is, what was found and what is required instead.
        hint: what to do next, as one imperative sentence.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
