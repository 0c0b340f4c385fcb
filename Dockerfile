# Two images: "supervisiond", the daemon, and "asterisk", a PBX with four phones to try it with.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /supervisiond ./cmd/supervisiond
# The dialplan holds no secret, but the configuration must be complete to be read.
RUN ARI_PASSWORD=unused /supervisiond dialplan --config docs/docker/config.yml >/supervision.conf

FROM debian:forky-slim AS asterisk
RUN apt-get update && apt-get install -y --no-install-recommends asterisk && rm -rf /var/lib/apt/lists/*
COPY docs/docker/*.conf /etc/asterisk/
COPY --from=build /supervision.conf /etc/asterisk/
# ari.conf includes the password that the environment gives.
CMD ["sh", "-ec", "umask 077; printf 'password = %s\\n' \"$ARI_PASSWORD\" >/etc/asterisk/ari-password.conf; exec asterisk -f"]

FROM debian:forky-slim AS supervisiond
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
	&& useradd --system --home-dir /var/lib/supervisiond --create-home supervisiond
COPY --from=build /supervisiond /usr/local/bin/
COPY docs/docker/config.yml /etc/supervisiond/config.yml
USER supervisiond
VOLUME /var/lib/supervisiond
ENTRYPOINT ["supervisiond"]
CMD ["run"]
