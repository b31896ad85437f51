# What the stack's `engine` asks of docker:28-dind, from Debian's Docker: no image registry is asked.
ARG BASE=paper2code-base:bookworm
FROM ${BASE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables openssl >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY engine.sh /usr/local/bin/engine
ENTRYPOINT ["engine"]
