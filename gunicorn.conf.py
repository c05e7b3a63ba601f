"""What gunicorn reads by itself when it is started here: `gunicorn wsgi:app`. It lives in the package, where `serve` takes it from too."""

from __future__ import annotations

from proxy.gunicorn_conf import options_from_environment

# Asked for again at each reload, which is when gunicorn reads this file again.
globals().update(options_from_environment())
