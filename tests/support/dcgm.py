"""What NVIDIA's DCGM exporter serves, by its real names and labels: for machines without a GPU."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LABELS = (
    'gpu="0",UUID="GPU-4cf8db2d-06c0-7d70-1a51-e59b25b2c16c",pci_bus_id="00000000:65:00.0",device="nvidia0",'
    'modelName="NVIDIA H100 80GB HBM3",Hostname="learner-0",DCGM_FI_DRIVER_VERSION="570.86.15"'
)
GAUGES = {
    "DCGM_FI_DEV_SM_CLOCK": ("SM clock frequency (in MHz).", 1980),
    "DCGM_FI_DEV_GPU_TEMP": ("GPU temperature (in C).", 41),
    "DCGM_FI_DEV_POWER_USAGE": ("Power draw (in W).", 228.7),
    "DCGM_FI_DEV_GPU_UTIL": ("GPU utilization (in %).", 63),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("Memory utilization (in %).", 12),
    "DCGM_FI_DEV_XID_ERRORS": ("Value of the last XID error encountered.", 0),
    "DCGM_FI_DEV_FB_FREE": ("Framebuffer memory free (in MiB).", 74_213),
    "DCGM_FI_DEV_FB_USED": ("Framebuffer memory used (in MiB).", 6_870),
}


def exposition() -> bytes:
    """Return the page."""
    lines = []
    for name, (help_, value) in GAUGES.items():
        lines += [f"# HELP {name} {help_}", f"# TYPE {name} gauge", f"{name}{{{LABELS}}} {value}"]
    return ("\n".join(lines) + "\n").encode()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = exposition()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # Prometheus was ended
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def dcgm_exporter() -> Iterator[str]:
    """Serve it while the block runs; yield host:port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
