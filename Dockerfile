# syntax=docker/dockerfile:1
FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/responder
ENV PATH=/opt/responder/bin:$PATH
WORKDIR /build
# The dependencies change less often than the code: a layer of their own, from the lock, with hashes.
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
COPY rules rules
COPY skills skills
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip install --no-deps /wheels/*.whl \
    && pip uninstall --yes --quiet hatchling editables trove-classifiers pip

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/responder --create-home --shell /usr/sbin/nologin responder
COPY --from=build /opt/responder /opt/responder
ENV PATH=/opt/responder/bin:$PATH PYTHONUNBUFFERED=1 RESPONDER_URL=http://127.0.0.1:8080
USER 10001
# The database and, unless mounted elsewhere, responder.yaml.
WORKDIR /var/lib/responder
VOLUME /var/lib/responder
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['RESPONDER_URL'] + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["responder"]
CMD ["run"]
