# A Debian with systemd, Docker, nginx and Python: the machine that docs/self-hosting.md begins on, and what its first step installs but for Caddy.
ARG BASE=paper2code-base:bookworm
FROM ${BASE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd-sysv dbus docker.io iptables git nginx-light >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY machine.sh /usr/local/bin/machine
VOLUME /var/lib/docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["machine"]
