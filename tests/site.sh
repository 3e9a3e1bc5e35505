#!/bin/sh
# tests/site.sh FOLDER [PORT]: writes FOLDER/site.yaml, a site with both sides
# for tests and the demo: roots, tables and TEST keys under FOLDER.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 FOLDER [PORT]" >&2; exit 32; }
mkdir -p "$1"
cat >"$1/site.yaml" <<EOF
# made by tests/site.sh
site:
  name: "shikaku TEST"
intermediate:
  root: "intermediate"
qualification:
  root: "qualification"
masters:
  senders: "masters/senders.csv"
  insurers: "masters/insurers.csv"
trust:
  insurer_ca: "pki/insurer-ca.pem"
  insurer_crl: "pki/insurer-ca.crl"
  institution_ca: "pki/institution-ca.pem"
  institution_crl: "pki/institution-ca.crl"
  card_ca: "pki/card-ca.pem"
  card_policy: "2.999.1.3.30"
  site_ca: "pki/site-ca.pem"
  site_crl: "pki/site-ca.crl"
keys:
  open_key: "pki/open.key"
  open_cert: "pki/open.pem"
  deliver_key: "pki/deliver.key"
  deliver_cert: "pki/deliver.pem"
  publish_key: "pki/publish.key"
  publish_cert: "pki/publish.pem"
  pseudonym: "pki/pseudonym.hex"
  usage: "pki/usage.hex"
phase: 2
institutions:
  max_active: 0
number_inquiry:
  enabled: true
  key: both
responder:
  listen: "127.0.0.1"
  port: ${2:-8443}
  key: "pki/server.key"
  cert: "pki/server.pem"
EOF
