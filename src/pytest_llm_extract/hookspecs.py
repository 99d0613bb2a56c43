"""Hooks of this plugin that a `conftest.py` or another plugin can implement."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookspec
def pytest_llm_extract_vcr(vcr: Any, config: pytest.Config) -> None:
    """Set filters on a `vcr.VCR`: what they take out of requests and answers is never stored.

    `before_record_request`, `before_record_response`, `filter_headers`, `filter_query_parameters`,
    `filter_post_data_parameters`, `ignore_hosts` and their kin are honoured. Requests are filtered on replay too,
    before they are compared. It is called once, before the first extraction.
    """
