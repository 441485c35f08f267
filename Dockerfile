# Notifier, whole: web, cluster, and, unless DATABASE_URL or GATEWAY_URL say
# otherwise, the database and the sandbox gateway. See "In a container" in docs/operations.md.
FROM python:3.11-slim-bookworm

# An ordinary user with an entry of its own: PostgreSQL refuses root, and looks the name up.
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin notifier \
    && install --directory --owner=notifier --group=notifier --mode=711 /data

WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check --requirement requirements.txt
COPY manage.py .
COPY notifier notifier
COPY static static
COPY templates templates
# Now, as nothing can be written here later.
RUN python -m compileall -q notifier

# All that is kept is in /data; /tmp must be writable, a tmpfs will do.
ENV NOTIFIER_DATA_DIR=/data BIND_HOST=0.0.0.0 PORT=8000
VOLUME /data
USER notifier
EXPOSE 8000

# The first start makes a database. The Host is one that ALLOWED_HOSTS lets in.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "-c", "\
import os, sys; \
from notifier.launch.environment import read_environment; \
from notifier.launch.readiness import address_of, web_answers; \
it = read_environment(os.environ); \
sys.exit(not web_answers(address_of(it), allowed_hosts=it.allowed_hosts or ['localhost']))"]

CMD ["python", "manage.py", "up"]
