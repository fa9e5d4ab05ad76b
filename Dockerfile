# One static binary (musl) in an image without anything else. It has not been built where this file was written: no Docker daemon
# was there. docs/install.md says how it is used.
#
#     docker build --tag barkbird .
#     docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" barkbird predict run recordings/ --out predictions.csv

FROM rust:1.95-alpine AS build
# aws-lc (TLS) and mimalloc are C.
RUN apk add --no-cache build-base ca-certificates cmake linux-headers perl
WORKDIR /source
COPY . .
# Toolchains of Alpine link statically; a binary with an interpreter would not run in the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked --package barkbird \
    && strip -o /barkbird target/release/barkbird \
    && ! readelf --program-headers /barkbird | grep -q INTERP \
    && /barkbird --version
RUN mkdir -p /image/etc/ssl/certs /image/tmp /image/data /image/licenses \
    && cp /barkbird /image/barkbird \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && cp LICENSE-MIT LICENSE-APACHE /image/licenses/ \
    && echo 'barkbird:x:65532:65532::/tmp:/barkbird' > /image/etc/passwd \
    && chmod 1777 /image/tmp && chown 65532:65532 /image/data

FROM scratch
COPY --from=build /image /
# Caches of buckets and of the hub are below it, and gone with the container.
ENV HOME=/tmp
USER 65532:65532
VOLUME /data
WORKDIR /data
EXPOSE 8080
ENTRYPOINT ["/barkbird"]
CMD ["--help"]
