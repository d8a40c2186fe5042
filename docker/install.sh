#!/bin/sh
# Installs Tidemill into /opt/tidemill, as the constraints pin it: install.sh WHAT [cpu|cuda]
set -eu
what=$1
torch=${2:-}
[ -s /run/ca.crt ] && export PIP_CERT=/run/ca.crt
install() { /build/bin/pip --python /opt/tidemill/bin/python install --quiet --compile -c constraints.txt "$@"; }

case "$torch" in
  cpu)
    pair=$(sed -nE 's/^(torch|torchvision)==(.*)$/\1==\2+cpu/p' constraints.txt)
    # shellcheck disable=SC2086 # two words
    if ! install $pair 2>/tmp/why; then
      echo "TORCH=cpu: pip's configuration names no index with $(echo $pair); the wheels with CUDA are installed. pip said:" >&2
      tail -n 1 /tmp/why >&2
    fi
    ;;
  cuda | "") ;;
  *) echo "TORCH=$torch: give cpu or cuda" >&2; exit 2 ;;
esac
install "$what"
rm -rf /src/build /src/*.egg-info
