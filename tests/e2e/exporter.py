"""dcgm-exporter's page as it is served: two GPUs of one node, one of which may fall off the bus."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NODE = "gpu-b017"
UUIDS = ("GPU-1c0ffee0-0000-4000-8000-000000000000", "GPU-6f9f1b2e-41c3-7d5a-9e21-0c55b1a7d3f4")

PAGE = """\
# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).
# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{{{l0}}} 56
{lost_temp}# HELP DCGM_FI_DEV_XID_ERRORS Value of the last XID error encountered.
# TYPE DCGM_FI_DEV_XID_ERRORS gauge
DCGM_FI_DEV_XID_ERRORS{{{l0}}} 0
DCGM_FI_DEV_XID_ERRORS{{{l1}}} {xid}
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{{{l0}}} 98
# HELP DCGM_FI_DEV_ROW_REMAP_FAILURE Whether remapping of rows has failed
# TYPE DCGM_FI_DEV_ROW_REMAP_FAILURE gauge
DCGM_FI_DEV_ROW_REMAP_FAILURE{{{l0}}} 0
"""


def labels(gpu: int) -> str:
    return (
        f'gpu="{gpu}",UUID="{UUIDS[gpu]}",pci_bus_id="00000000:{0x5C + gpu:02X}:00.0",device="nvidia{gpu}",'
        f'modelName="NVIDIA H100 80GB HBM3",Hostname="{NODE}",DCGM_FI_DRIVER_VERSION="580.65.06",'
        f'container="train",namespace="training",pod="clip-pretrain-worker-{gpu}"'
    )


class Exporter:
    """Its state; `lost` makes GPU 1 report Xid 79 and lose its other series, as the real exporter does."""

    def __init__(self) -> None:
        self.lost = False
        self.address = ""

    def page(self) -> str:
        temp = "" if self.lost else f"DCGM_FI_DEV_GPU_TEMP{{{labels(1)}}} 58\n"
        return PAGE.format(l0=labels(0), l1=labels(1), xid=79 if self.lost else 0, lost_temp=temp)


@contextmanager
def exporting() -> Iterator[Exporter]:
    exporter = Exporter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    exporter.address = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield exporter
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
