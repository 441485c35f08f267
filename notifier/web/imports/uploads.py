"""What is let in of files that people send, before any page looks at them."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from notifier.clients.imports.limits import BadFile, check_size

# What a form has besides its file.
FORM_BYTES = 1 << 16


class CarefulUploadHandler(FileUploadHandler):
    """Stands before the handler that writes to the disk, and lets it have only what is wanted.

    A file that is too large, or a stranger's, is read and forgotten: so a
    browser gets to see the page that says why. See refusal_of.
    """

    def handle_raw_input(
        self, _input_data: Any, _meta: Any, content_length: int, *_rest: Any
    ) -> None:
        self.refusal = _refusal(self.request, content_length)

    def new_file(self, *arguments: Any, **more: Any) -> None:
        super().new_file(*arguments, **more)
        if self.refusal:
            self.request.refused_upload = self.refusal  # type: ignore[union-attr]
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> bytes:
        return raw_data

    def file_complete(self, _file_size: int) -> None:
        """The next handler has the file."""


def refusal_of(request: HttpRequest) -> str:
    """Why the request's file was not let in, in words; empty where it was."""
    return getattr(request, "refused_upload", "")


def _refusal(request: HttpRequest | None, content_length: int) -> str:
    # Django parses a form for its token before anybody asks who sent it.
    if not getattr(getattr(request, "user", None), "is_authenticated", False):
        return "Sign in first."
    try:
        check_size(content_length - FORM_BYTES)
    except BadFile as too_large:
        return str(too_large)
    return ""
