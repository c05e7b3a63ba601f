"""`reload`: has a running gateway read its configuration anew, and says what came of it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from proxy.cli.masters import Master, latest_notice, running_masters
from proxy.gunicorn_conf import folder_in_memory
from proxy.run_file import Notice
from proxy.settings import Settings, variables_of

_LOOK_EVERY_S = 0.05
# Longer than the master gives its new workers to start.
_PATIENCE_S = 90.0


@click.command("reload", short_help="Let a running gateway read its configuration anew.")
@click.option("--pid", type=int, help="The process id of the gateway's master; needed only where several run.")
def command(pid: int | None) -> None:
    """Let the running gateway read its configuration anew, without dropping a request.

    It reads .env and PROXY_CONFIG itself; the variables of its environment stay those that it was started with. The exit status is 1 when
    something is wrong with the new configuration: then the old one stays in force.
    """
    master = _chosen(list(running_masters(Path(folder_in_memory()))), pid)
    try:
        os.kill(master.notice.pid, signal.SIGHUP)
    except OSError as error:
        raise click.ClickException(f"The gateway (pid {master.notice.pid}) cannot be reached: {error.strerror}.") from None
    request = master.notice.asked + 1
    answer = _answer_to(request, master)
    refusal = answer.refusal_of(request)
    if refusal is None:
        raise click.ClickException("The gateway has been asked too often since to know what came of this; its log says it.")
    if refusal:
        raise click.ClickException(f"The old configuration stays in force: {refusal}")
    click.echo(f"The new configuration is in force at {', '.join(answer.addresses)} (pid {answer.pid}).")


def _chosen(masters: list[Master], pid: int | None) -> Master:
    """The master that is meant: by its number, else the only one, else the only one at PROXY_PORT."""
    if pid is not None:
        candidates = [master for master in masters if master.notice.pid == pid]
    elif len(masters) > 1:
        port = Settings.from_sources(variables_of())[0].proxy_port
        candidates = [master for master in masters if master.listens_at(port)]
    else:
        candidates = masters
    if len(candidates) == 1:
        return candidates[0]
    if not masters:
        raise click.ClickException("No gateway of this user was found; if one runs nevertheless: kill -HUP <pid of its master>.")
    listed = "".join(f"\n  {master.notice.pid}  {', '.join(master.notice.addresses)}" for master in masters)
    raise click.ClickException(f"--pid must say which gateway is meant:{listed}")


def _answer_to(request: int, master: Master) -> Notice:
    """What the master says when it is done with that request."""
    until_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)
        with suppress(ValueError):
            notice = latest_notice(master)
            if notice is None:
                raise click.ClickException("The gateway has ended.")
            if notice.answered >= request:
                return notice
    raise click.ClickException(f"The gateway has not answered for {_PATIENCE_S:g} s; its log says more.")
