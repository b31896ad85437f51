# What the stack's `database` asks of postgres:17-bookworm, from Debian's PostgreSQL: no image registry is asked.
ARG BASE=paper2code-base:bookworm
FROM ${BASE}
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY database.sh /usr/local/bin/database
ENTRYPOINT ["database"]
