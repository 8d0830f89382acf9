"""A port of this machine that leads to another one, as NAT and containers have it.

    forward = box.keep(Forward(to=hub.port))
    forward.port, forward.connections
"""

import contextlib
import socket
import threading


class Forward:
    def __init__(self, to=None):
        self.to = to
        self.connections = 0
        self.bytes = {"sent": 0, "received": 0}  # by whoever comes, to whom it leads; and back
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                outer, _ = self.listener.accept()
                self.connections += 1
                inner = socket.create_connection(("127.0.0.1", self.to))
                for source, target, way in ((outer, inner, "sent"), (inner, outer, "received")):
                    threading.Thread(target=self._pump, args=(source, target, way), daemon=True).start()

    def _pump(self, source, target, way):
        with contextlib.suppress(OSError):
            while got := source.recv(65536):
                self.bytes[way] += len(got)
                target.sendall(got)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
