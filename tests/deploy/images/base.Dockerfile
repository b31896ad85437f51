# The sandbox's base image, trusting whom this machine trusts: packages may come through a proxy that signs them anew.
FROM paper2code-base:bookworm
COPY ca-certificates.crt /etc/ssl/certs/
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
