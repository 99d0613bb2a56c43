"""Documents that are not text: an image or a PDF becomes a part of the user's message."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from pytest_llm_extract.formats.text_files import withheld


@dataclass(frozen=True)
class Attachment:
    """A file that is sent unchanged."""

    path: Path

    @property
    def media_type(self) -> str:
        """The media type by the file's name."""
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"

    @property
    def is_image(self) -> bool:
        """Whether the file is an image."""
        return self.media_type.startswith("image/")

    @property
    def data_url(self) -> str:
        """The whole file, in base64.

        Raises:
            OSError: it cannot be read.
        """
        return f"data:{self.media_type};base64,{base64.b64encode(self.path.read_bytes()).decode()}"

    @property
    def digest(self) -> str:
        """`sha256:…` of the file, which is what a cassette keeps of it."""
        return f"sha256:{hashlib.sha256(self.path.read_bytes()).hexdigest()}"


def read_document(path: Path) -> str | Attachment:
    """Read a text file; any other file is an attachment.

    Raises:
        OSError: it cannot be read, or git has left a pointer in its place.
    """
    attachment = Attachment(path)
    if attachment.is_image or attachment.media_type == "application/pdf":
        with path.open("rb") as file:
            _refuse_pointer(path, file.read(64))
        return attachment
    data = path.read_bytes()
    _refuse_pointer(path, data)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return attachment
    return attachment if "\0" in text else text


def _refuse_pointer(path: Path, data: bytes) -> None:
    if problem := withheld(data):
        raise OSError(f"{path.name} {problem}")
