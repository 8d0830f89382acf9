"""A TCP proxy that does what networks do: to a server, between it and whoever connects.

    proxy = Chaos(server.port)                 # connect to proxy.port
    proxy.fault = Fault(latency=0.02)          # from now on, for open connections too
    proxy.cut()                                # all connections end by a reset
    proxy.fault = Fault()                      # all is well again

What a Fault can be is in its fields; several go together."""

import contextlib
import dataclasses
import random
import socket
import struct
import threading
import time

TURN_SECONDS = 0.01  # how soon a changed fault is seen


@dataclasses.dataclass
class Fault:
    latency: float = 0.0       # seconds that bytes are late, each way
    jitter: float = 0.0        # more or less than that, by chance
    rate: int = 0              # bytes a second, each way; 0: as fast as it goes
    is_stalled: bool = False   # connections are taken, bytes are not
    is_refusing: bool = False  # connections end as soon as they are there
    piece: int = 65536         # bytes handed on at once
    reset_after: int = 0       # bytes from the server, then both sides get a reset; 0: never
    half_after: int = 0        # bytes from the server, then it seems to have said all it had to say
    corrupt_after: int = 0     # bytes from the server, then one that is wrong …
    is_lost: bool = False      # answers do not arrive, nor does what follows them, and nobody is told
    corrupt_most: int = 0      # … on so many connections; 0: on all
    close_late: float = 0.0    # seconds from the server's end until the client hears of it


class Chaos:
    def __init__(self, port, seed=0):
        self.target = port
        self.fault = Fault()
        self.chance = random.Random(seed)
        self.connects = 0  # attempts
        self.hits = 0      # connections that met a reset, an early end or a wrong byte
        self.links = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.connects += 1
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client):
        if self.fault.is_refusing:
            reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
            server.settimeout(None)
        except OSError:
            reset(client)
            return
        for link in (client, server):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.links += [client, server]
        for one, other, is_answer in ((client, server, False), (server, client, True)):
            threading.Thread(target=self._carry, args=(one, other, is_answer), daemon=True).start()

    def _wait_for_flow(self):
        while self.fault.is_stalled:
            time.sleep(TURN_SECONDS)

    def _hold_up(self, count):
        """For as long as these bytes take on their way."""
        fault = self.fault
        late = fault.latency + fault.jitter * self.chance.uniform(-1, 1)
        if late > 0:
            time.sleep(late)
        sent = time.monotonic()
        while self.fault.rate and time.monotonic() < sent + count / self.fault.rate:
            time.sleep(TURN_SECONDS)

    def _carry(self, one, other, is_answer):
        passed, is_lost = 0, False
        with contextlib.suppress(OSError):
            while True:
                self._wait_for_flow()
                fault = self.fault
                most = min(fault.piece, max(1, fault.rate // 20) if fault.rate else fault.piece)
                data = one.recv(most)
                if not data:
                    break
                self._hold_up(len(data))
                self._wait_for_flow()
                if is_answer and fault.is_lost and not is_lost:
                    self.hits += 1
                    is_lost = True
                if is_lost:
                    continue
                end = self._spoil(data, passed, other) if is_answer else other.sendall(data)
                if end:
                    return
                passed += len(data)
        if is_answer and self.fault.close_late:
            time.sleep(self.fault.close_late)
        # A side that has said all may still listen.
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def _spoil(self, data, passed, client):
        """Hand an answer on as the fault has it; true when nothing more may follow."""
        fault, end = self.fault, passed + len(data)
        if fault.corrupt_after and passed <= fault.corrupt_after < end and \
                not 0 < fault.corrupt_most <= self.hits:
            self.hits += 1
            at = fault.corrupt_after - passed
            data = data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1:]
        if fault.reset_after and end >= fault.reset_after:
            self.hits += 1
            client.sendall(data[:max(0, fault.reset_after - passed)])
            reset(client)
            return True
        if fault.half_after and end >= fault.half_after:
            self.hits += 1
            client.sendall(data[:max(0, fault.half_after - passed)])
            client.shutdown(socket.SHUT_WR)
            return True
        client.sendall(data)
        return False

    def cut(self):
        with self.lock:
            links, self.links = self.links, []
        for link in links:
            reset(link)

    def close(self):
        self.fault = Fault()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()


def reset(link):
    """End a connection without the courtesy of a goodbye."""
    with contextlib.suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        link.close()
