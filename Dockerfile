# The gate as an image. Your own image is two lines: FROM schemagate, and COPY migrations/ /migrations/
ARG BUILD_IMAGE=python:3.15-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --target /app --requirement requirements.txt
COPY entrypoint.py /app/
COPY schemagate/ /app/schemagate/
COPY image/rootfs.py ./
# Byte code is compiled here: at run time nothing is written, and compiling at every start would double its time.
RUN python rootfs.py /rootfs

# No shell, no package manager, no compiler: Python, the libraries that it loads, certificates, and the gate.
FROM scratch
COPY --from=build /rootfs/ /
ARG VERSION=0.1.0
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="schemagate" \
      org.opencontainers.image.description="Waits for MySQL, applies migrations, proves the schema, and only then exits 0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
# The journal notes the revision with every start; empty counts as not given. Where certificates are is not for guessing.
ENV PATH=/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    SCHEMAGATE_REVISION=${REVISION}
USER 65532:65532
# Lazy imports, which Python has from 3.15 on: a start imports only what it uses. Without site: there are no packages to
# look for but those beside the program. Without variables that are meant for other Pythons.
ENTRYPOINT ["/usr/local/bin/python", "-E", "-S", "-X", "lazy_imports=all", "/app/entrypoint.py"]
