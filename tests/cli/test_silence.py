"""What commands leave out of the terminal."""

from __future__ import annotations

import logging

from proxy.cli.silence import leave_out_log


def test_no_handler_is_added_twice() -> None:
    leave_out_log()
    handlers = list(logging.getLogger("proxy").handlers)
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)
    leave_out_log()
    assert logging.getLogger("proxy").handlers == handlers
