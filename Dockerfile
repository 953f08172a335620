# Dozvon in a container: hashed packages, no root, runs with a read-only file system (only /var/lib/dozvon and /tmp are written).
FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements.txt ./
RUN python -m venv /opt/dozvon && /opt/dozvon/bin/pip install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY hub ./hub
COPY webhooks ./webhooks
COPY connectors ./connectors
COPY mapping ./mapping
COPY tracker ./tracker
COPY simulators ./simulators
RUN /opt/dozvon/bin/pip install --no-deps . && /opt/dozvon/bin/dozvon --version

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/dozvon --create-home --shell /usr/sbin/nologin dozvon
COPY --from=build /opt/dozvon /opt/dozvon
ENV PATH=/opt/dozvon/bin:$PATH DOZVON_HOME=/var/lib/dozvon PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/dozvon
USER 10001
VOLUME /var/lib/dozvon
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
CMD ["dozvon", "web", "--host", "0.0.0.0", "--port", "8080"]
