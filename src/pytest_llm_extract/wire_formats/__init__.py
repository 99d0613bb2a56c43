"""What an answer says of itself: every wire format read alike, by one small reader for each."""

from pytest_llm_extract.wire_formats.base import RawAnswer
from pytest_llm_extract.wire_formats.detect import NOTHING, is_cut_off, is_failed, read_answer_body, read_wire_answer
from pytest_llm_extract.wire_formats.pieces import joined_pieces

__all__ = ["NOTHING", "RawAnswer", "is_cut_off", "is_failed", "joined_pieces", "read_answer_body", "read_wire_answer"]
