"""mysql-cdc's sign-in against a stand-in that speaks as MySQL 8 does, and against hostile ones.

mysql_server_test.py signs in to MySQL itself; here each step is seen, and what no real server does."""

import hashlib
import socket
import subprocess
import threading

from lib import main
from mysql_test import SIMPLE, pipeline

NONCE = b"abcdefghij0123456789"
PASSWORD = b"weir-secret"


class Hangup(Exception):
    """The client went away."""


class Link:
    """Packets of one connection."""

    def __init__(self, link):
        self.link = link
        self.sequence = 0

    def take(self, count):
        data = b""
        while len(data) < count:
            part = self.link.recv(count - len(data))
            if not part:
                raise Hangup
            data += part
        return data

    def read(self):
        header = self.take(4)
        self.sequence = header[3] + 1
        return self.take(int.from_bytes(header[:3], "little"))

    def write(self, payload):
        self.link.sendall(len(payload).to_bytes(3, "little") + bytes([self.sequence % 256]) +
                          payload)
        self.sequence += 1


OK = b"\0\0\0\2\0\0\0"
REFUSED = b"\xff\x15\x04#28000Access denied for user"


def greeting(plugin):
    capabilities = 0x200 | 0x2000 | 0x8000 | 0x20000 | 0x80000  # without TLS
    return (b"\x0a" + b"8.0.36\0" + (7).to_bytes(4, "little") + NONCE[:8] + b"\0" +
            (capabilities & 0xffff).to_bytes(2, "little") + b"\x2d\2\0" +
            (capabilities >> 16).to_bytes(2, "little") + b"\x15" + bytes(10) + NONCE[8:] + b"\0" +
            plugin + b"\0")


def fast_answer(password):
    once = hashlib.sha256(password).digest()
    mixed = hashlib.sha256(hashlib.sha256(once).digest() + NONCE).digest()
    return bytes(a ^ b for a, b in zip(once, mixed))


class Server:
    """Accepts connections and plays `script` on each; notes what it saw."""

    def __init__(self, script):
        self.script = script
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            with link:
                try:
                    self.script(self, Link(link))
                except (Hangup, OSError):
                    pass

    def close(self):
        self.listener.close()


def run(box, server, **options):
    weir = box.weir(pipeline(server.port, SIMPLE, connect__max_retries="0", **options))
    done = weir.call("run", "pipeline.sql", "--data-dir", weir.data)
    server.close()
    assert done.returncode != 0, done.stdout
    return done.stderr


def refuse_queries(server, link):
    """After sign-in: note the first statement, answer with an error."""
    server.seen.append(link.read()[1:])
    link.write(b"\xff\x28\x04#42000the stand-in knows no SQL")


def test_caching_sha2_from_the_cache(box):
    def script(server, link):
        link.write(greeting(b"caching_sha2_password"))
        answer = link.read()
        assert fast_answer(PASSWORD) in answer
        link.write(b"\1\3")
        link.write(OK)
        refuse_queries(server, link)
    server = Server(script)
    log = run(box, server)
    assert server.seen and server.seen[0].startswith(b"SET NAMES"), (server.seen, log)
    assert "WR3108" in log and "knows no SQL" in log, log


def test_caching_sha2_in_full_without_tls(box):
    """The password goes encrypted to the server's RSA key, never in clear."""
    key = box.path("key.pem")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout"], check=True,
                            capture_output=True).stdout

    def script(server, link):
        link.write(greeting(b"caching_sha2_password"))
        link.read()
        link.write(b"\1\4")
        assert link.read() == b"\2"
        link.write(b"\1" + public)
        sealed = link.read()
        mixed = subprocess.run(["openssl", "pkeyutl", "-decrypt", "-inkey", key, "-pkeyopt",
                                "rsa_padding_mode:oaep"], input=sealed, capture_output=True,
                               check=True).stdout
        plain = bytes(byte ^ NONCE[i % 20] for i, byte in enumerate(mixed))
        server.seen.append(plain)
        link.write(OK if plain == PASSWORD + b"\0" else REFUSED)
        refuse_queries(server, link)
    server = Server(script)
    log = run(box, server)
    assert server.seen[0] == PASSWORD + b"\0", (server.seen, log)
    assert "knows no SQL" in log, log


def test_plugins_are_switched_and_unknown_ones_named(box):
    def script(server, link):
        link.write(greeting(b"mysql_native_password"))
        link.read()
        link.write(b"\xfecaching_sha2_password\0" + NONCE + b"\0")
        assert link.read() == fast_answer(PASSWORD)
        link.write(b"\xfeclient_ed25519\0" + NONCE + b"\0")
        server.seen.append(b"switched")
        link.read()
    server = Server(script)
    log = run(box, server)
    assert server.seen and "WR3105" in log and "client_ed25519" in log, log


def test_a_request_for_a_local_file_is_refused(box):
    def script(server, link):
        link.write(greeting(b"mysql_native_password"))
        link.read()
        link.write(OK)
        server.seen.append(link.read())
        link.write(b"\xfb/etc/passwd")
        server.seen.append(link.take(1))  # anything that comes is too much
    server = Server(script)
    log = run(box, server)
    assert "WR3110" in log, log
    assert len(server.seen) == 1, server.seen


def test_hostile_packets_end_in_an_error(box):
    scripts = {
        "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
        "nothing": b"",
        "an empty packet": b"\0\0\0\0",
        "a greeting cut short": b"\x05\0\0\0\x0a8.0\0",
        "too many columns": None,
    }
    for name, raw in scripts.items():
        def script(_, link, raw=raw):
            if raw is not None:
                link.link.sendall(raw)
                return
            link.write(greeting(b"mysql_native_password"))
            link.read()
            link.write(OK)
            link.read()
            link.write(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff")
        log = run(box, Server(script), connect__timeout="2 s")
        assert "WR31" in log or "WR51" in log, (name, log)


if __name__ == "__main__":
    main()
