# minnow with its model:     docker build -t minnow . && docker run --rm minnow demo
# without one, to mount one: docker build -t minnow:slim --target without-model .
#
# The model is inside, not on a volume: a container answers at its first start, without a network, and the image's
# digest names the model with the code, which matters since a collection belongs to one model. It costs 90 MB. Another
# model is a folder mounted anywhere and named in MINNOW_MODEL, or `--build-arg MINNOW_MODEL=owner/name`.
# `make image-test` builds and uses it.

ARG DEBIAN=trixie

FROM docker.io/library/rust:1.95-slim-${DEBIAN} AS rust

# Native parts: this layer is made anew only when scripts/ changes.
FROM docker.io/library/golang:1.26-${DEBIAN} AS native
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY --from=rust /usr/local/cargo /usr/local/cargo
COPY --from=rust /usr/local/rustup /usr/local/rustup
ENV PATH=/usr/local/cargo/bin:$PATH RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo MINNOW_HOME=/minnow
ARG MINNOW_MODEL=
COPY scripts /src/scripts
# What runs needs the network and its configuration; the weights in another format stay behind.
RUN /src/scripts/setup.sh \
 && rm -f /minnow/models/*/model.safetensors /minnow/models/*/*/model.safetensors

FROM native AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN eval "$(scripts/setup.sh env)" \
 && go build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=$VERSION" -o /out/minnow ./cmd/minnow

FROM docker.io/library/debian:${DEBIAN}-slim AS without-model
# The binary looks for the runtime in ../lib/minnow, and for models in ../share/minnow/models.
COPY --from=build /out/minnow /usr/local/bin/
COPY --from=native /minnow/onnxruntime-*/lib/libonnxruntime.so /usr/local/lib/minnow/
COPY --from=native /minnow/onnxruntime-*/LICENSE /minnow/onnxruntime-*/ThirdPartyNotices.txt /usr/local/share/doc/minnow/onnxruntime/
COPY LICENSE NOTICE /usr/local/share/doc/minnow/
ARG VERSION=
ARG MINNOW_MODEL=
LABEL org.opencontainers.image.title="minnow" \
      org.opencontainers.image.description="Semantic search for texts, on this machine" \
      org.opencontainers.image.source="https://github.com/minnow-search/minnow" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV MINNOW_HOME=/data/home MINNOW_MODEL=${MINNOW_MODEL} MINNOW_DB=/data/collection
RUN install -d -o 65532 -g 65532 /data
USER 65532:65532
VOLUME /data
WORKDIR /data
EXPOSE 7700
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s CMD ["minnow", "serve", "--healthy"]
ENTRYPOINT ["minnow"]
CMD ["serve", "--addr", "0.0.0.0:7700"]

FROM without-model
COPY --from=native /minnow/models /usr/local/share/minnow/models
