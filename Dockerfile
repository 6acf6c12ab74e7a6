# minnow with its model: docker build -t minnow . && docker run --rm minnow demo
#
# The model is inside, not on a volume: a container answers at its first start, without a network, and the image's
# digest names the model with the code, which matters since a collection belongs to one model. It costs 90 MB. Another
# model is a folder mounted anywhere and named in MINNOW_MODEL, or `--build-arg MINNOW_MODEL=owner/name`.

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
RUN /src/scripts/setup.sh \
# What runs needs the network and its configuration; the weights in another format stay behind.
 && rm -f /minnow/models/*/model.safetensors /minnow/models/*/*/model.safetensors

FROM native AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN eval "$(scripts/setup.sh env)" && go build -trimpath -ldflags='-s -w' -o /out/minnow ./cmd/minnow

FROM docker.io/library/debian:${DEBIAN}-slim
# The binary looks for the runtime in ../lib, and for the model under MINNOW_HOME.
COPY --from=build /out/minnow /usr/local/bin/
COPY --from=native /minnow/onnxruntime-*/lib/libonnxruntime.so /usr/local/lib/
COPY --from=native /minnow/models /usr/local/share/minnow/models
COPY --from=native /minnow/onnxruntime-*/LICENSE /minnow/onnxruntime-*/ThirdPartyNotices.txt /usr/local/share/doc/minnow/onnxruntime/
COPY LICENSE NOTICE /usr/local/share/doc/minnow/
ARG MINNOW_MODEL=
ENV MINNOW_HOME=/usr/local/share/minnow MINNOW_MODEL=${MINNOW_MODEL}
RUN install -d -o 65532 -g 65532 /data
USER 65532:65532
VOLUME /data
WORKDIR /data
EXPOSE 7700
ENTRYPOINT ["minnow"]
CMD ["serve", "--db", "/data", "--addr", "0.0.0.0:7700"]
