"""The gateway for WSGI servers: `gunicorn wsgi:app`."""

from __future__ import annotations

from proxy import create_app
from proxy.gunicorn_conf import config_in_force

app = create_app(config_in_force())
