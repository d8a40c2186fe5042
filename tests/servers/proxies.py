"""Real proxies on loopback ports, before a server of the test's: Debian's haproxy and nginx."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.servers.missing import unavailable
from tests.support.roles import free_port

HAPROXY = """
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client {hold_s}s
    timeout server {hold_s}s
listen models
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{target}
"""
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 100; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=models:1m max_size=100m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{target};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_read_timeout {hold_s}s;
            {more}
        }}
    }}
}}
"""
CACHED = """
            proxy_cache models;
            proxy_cache_revalidate on;
            proxy_cache_lock on;
            add_header X-Cache $upstream_cache_status;
"""


@contextmanager
def haproxy(folder: Path, target: int, hold_s: int) -> Iterator[str]:
    """Run HAProxy before a port; it ends a request after `hold_s` quiet seconds. Yield its address."""
    program = _program("haproxy", "haproxy")
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(HAPROXY.format(port=port, target=target, hold_s=hold_s))
    with _running([program, "-db", "-f", str(file)], port, folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def nginx(folder: Path, target: int, hold_s: int, *, cached: bool = False) -> Iterator[str]:
    """Run nginx before a port; it ends a request after `hold_s` quiet seconds. Yield its address."""
    program = _program("nginx", "nginx-light")
    port = free_port()
    file = folder / "nginx.conf"
    more = CACHED if cached else ""
    file.write_text(NGINX.format(port=port, target=target, hold_s=hold_s, folder=folder, more=more))
    with _running([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)], port, folder):
        yield f"http://127.0.0.1:{port}"


def _program(name: str, package: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/sbin:/bin")
    if found is None:
        unavailable(f"{name} is missing: apt-get install {package}")
    return found


@contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/livez", timeout=5)
                break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "proxy.log").read_text()
                assert time.monotonic() < deadline, "the proxy does not answer"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)
