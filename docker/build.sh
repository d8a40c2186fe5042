#!/usr/bin/env bash
# Builds the images: docker/build.sh [TARGET ...] (serve and ingest, or also learn), as tidemill-TARGET:VERSION.
#
# With docker or podman, from PYTHON_IMAGE (python:3.12-slim-bookworm). With neither, as root on Debian: buildah, from a
# base image that debootstrap makes. ENGINE=docker|podman|buildah chooses; TORCH=cpu|cuda is for learn.
# PIP_CONF and CA name files that pip needs behind a proxy; they are seen by the build alone.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=("$@")
((${#targets[@]})) || targets=(serve ingest)

engine=${ENGINE:-}
if [[ -z $engine ]]; then
  if docker info >/dev/null 2>&1; then engine=docker
  elif command -v podman >/dev/null; then engine=podman
  elif command -v buildah >/dev/null; then engine=buildah
  else
    echo "no docker, podman or buildah: on Debian, apt-get install buildah debootstrap" >&2
    exit 2
  fi
fi

version=$(sed -nE 's/^VERSION = "(.*)"/\1/p' daemon/version.py)
arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
[[ -n ${TORCH:-} ]] && arguments+=(--build-arg "TORCH=$TORCH")
[[ -n ${PIP_CONF:-} ]] && arguments+=(--secret "id=pip_conf,src=$PIP_CONF")
[[ -n ${CA:-} ]] && arguments+=(--secret "id=ca,src=$CA")

base_of_debian() {  # A small Debian with Python, where no registry gives one.
  local image=localhost/tidemill-python:bookworm root container
  if ! buildah inspect --type image "$image" >/dev/null 2>&1; then
    root=$(mktemp -d)
    echo "Making the base image with debootstrap: two minutes" >&2
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" >&2
    rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}
    container=$(buildah from scratch)
    buildah add -q "$container" "$root" / >&2
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit -q "$container" "$image" >&2
    buildah rm "$container" >/dev/null
    rm -rf "$root"
  fi
  echo "$image"
}

case $engine in
  docker) build=(docker build) ;;
  podman) build=(podman build --format docker) ;;
  buildah)
    # No engine, no user namespaces, no overlay: all that this needs is root.
    export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
    build=(buildah bud --format docker)
    [[ -n ${PYTHON_IMAGE:-} ]] || PYTHON_IMAGE=$(base_of_debian)
    ;;
  *) echo "ENGINE=$engine: give docker, podman or buildah" >&2; exit 2 ;;
esac
[[ -n ${PYTHON_IMAGE:-} ]] && arguments+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")

for target in "${targets[@]}"; do
  echo "Building tidemill-$target:$version with $engine" >&2
  "${build[@]}" -f docker/Dockerfile --target "$target" "${arguments[@]}" -t "tidemill-$target:$version" .
done
