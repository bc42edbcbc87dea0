# The gate as an image. Your own image is two lines: FROM schemagate, and COPY migrations/ /migrations/
ARG BUILD_IMAGE=python:3.15-slim
ARG RUNTIME_IMAGE=python:3.15-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE entrypoint.py ./
COPY schemagate/ schemagate/
# Byte code is compiled here: at run time nothing is written, and compiling at every start would double its time.
RUN python -m pip install --no-cache-dir --no-compile --target /app . \
 && python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="schemagate" \
      org.opencontainers.image.description="Waits for MySQL, applies migrations, proves the schema, and only then exits 0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The journal notes it with every start; empty counts as not given.
ENV SCHEMAGATE_REVISION=${REVISION}
COPY --from=build /app /app
# Empty: where your migrations are copied or mounted.
WORKDIR /migrations
WORKDIR /
USER 65532:65532
# Lazy imports, which Python has from 3.15 on: a start imports only what it uses.
ENTRYPOINT ["python", "-X", "lazy_imports=all", "/app/entrypoint.py"]
