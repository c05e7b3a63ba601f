"""What commands leave out of the terminal."""

from __future__ import annotations

import logging

import pytest

from proxy.cli.silence import leave_out_log


def test_nothing_is_written_and_no_handler_is_added_twice(capfd: pytest.CaptureFixture[str]) -> None:
    leave_out_log()
    handlers = list(logging.getLogger("proxy").handlers)
    leave_out_log()
    logging.getLogger("proxy.upstream").warning("an attempt failed")
    assert logging.getLogger("proxy").handlers == handlers
    assert capfd.readouterr() == ("", "")
