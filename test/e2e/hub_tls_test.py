"""The hub behind TLS: who comes in and who does not, for Kafka's clients and by HTTP."""

import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import urllib.request

from certs import Authority
from hub import Hub
from lib import BINARY, free_port, main, wait_until


def tls_hub(box, ca, *flags, name="hub"):
    """A hub with a certificate of the authority, and where its door is."""
    cert, key = ca.sign(f"server-{name}", "/CN=hub", "IP:127.0.0.1")
    door = free_port()
    hub = box.keep(Hub(box, "--http", f"127.0.0.1:{door}", "--tls-cert", cert, "--tls-key", key, *flags, name=name))
    hub.start()
    return hub, f"https://127.0.0.1:{door}"


def client(ca, identity=None):
    """What librdkafka is told."""
    told = ["-X", "security.protocol=SSL", "-X", f"ssl.ca.location={ca.cert}"]
    if identity is not None:
        told += ["-X", f"ssl.certificate.location={identity[0]}", "-X", f"ssl.key.location={identity[1]}"]
    return told


def run(argv, feed=None):
    return subprocess.run([*map(str, argv)], input=feed, capture_output=True, text=True, check=False, timeout=60)


def lists(hub, *told, seconds=10):
    """Whether kcat is answered."""
    return run(["kcat", "-b", hub.address, "-L", "-m", seconds, *told]).returncode == 0


def stall(hub):
    """Connections that have sent half a greeting, or a byte of it, or nothing."""
    slow = [socket.create_connection(("127.0.0.1", hub.port), 20) for _ in range(200)]
    for i, one in enumerate(slow):
        one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:11 if i % 3 == 0 else i % 3 - 1])
    return slow


def get(url, ca, identity=None):
    context = ssl.create_default_context(cafile=ca.cert)
    if identity is not None:
        context.load_cert_chain(*identity)
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        return answer.status


def refused(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return True
    return False


def test_records_go_through_tls(box):
    """Small ones and large ones, of kcat, of weir topic, of a pipeline; who speaks no TLS, or trusts others, does
    not come in, and slow ones hold up nobody."""
    ca, other = Authority(box.path("ca")), Authority(box.path("other"))
    hub, door = tls_hub(box, ca)
    slow = stall(hub)
    told = client(ca)
    values = [f"{i} {'x' * (i * 997 % 400000)}" for i in range(60)]
    hub.kcat("-P", "-t", "t", "-X", "message.max.bytes=1000000", *told, feed="\n".join(values) + "\n")
    got = hub.kcat("-C", "-t", "t", "-p", "0", "-o", "beginning", "-e", "-q", *told)
    assert got.splitlines() == values
    weir = [BINARY, "topic", "consume", "t", "-o", "earliest", "-e", "-f", r"%v\n", "--bootstrap", hub.address, *told]
    done = run(weir)
    assert done.stdout.splitlines() == values, done.stderr
    job = box.weir(f"""
        CREATE TABLE t (v STRING) WITH ('connector' = 'kafka', 'topic' = 't', 'format' = 'raw',
          'properties.bootstrap.servers' = '{hub.address}', 'scan.startup.mode' = 'earliest-offset',
          'scan.bounded.mode' = 'latest-offset', 'properties.security.protocol' = 'SSL',
          'properties.ssl.truststore.location' = '{ca.cert}', 'properties.ssl.truststore.type' = 'PEM');
        CREATE TABLE lengths (n INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
        INSERT INTO lengths SELECT CHAR_LENGTH(v) FROM t;""")
    done = job.call("run", "pipeline.sql")
    lengths = "".join(path.read_text() for path in sorted(pathlib.Path(job.path("out")).glob("*.csv"))).split()
    assert done.returncode == 0 and lengths == [str(len(value)) for value in values], done.stderr
    assert not lists(hub, seconds=1) and not lists(hub, *client(other), seconds=1), "without TLS, or without trust"
    assert get(f"{door}/v1/topics", ca) == 200
    assert refused(get, f"{door}/v1/topics", other)
    assert refused(get, door.replace("https", "http") + "/v1/topics", ca)
    for one in slow:
        one.close()
    hub.stop()
    assert hub.fsck()[1]["findings"] == []


def soak_who_does_not_greet_is_closed(box):
    """After ten seconds; others stay."""
    ca = Authority(box.path("ca"))
    hub, _ = tls_hub(box, ca)
    slow = stall(hub)
    for one in slow:
        wait_until(lambda one=one: one.recv(100) == b"", "the slow connection to be closed", 30)
    assert lists(hub, *client(ca))
    hub.stop()


def test_clients_have_certificates(box):
    """One of the authority that is not over; for Kafka's clients and by HTTP."""
    ca, other = Authority(box.path("ca")), Authority(box.path("other"))
    hub, door = tls_hub(box, ca, "--tls-client-ca", ca.cert)
    good = ca.sign("good", "/CN=alice/O=Example")
    late = ca.sign("late", "/CN=alice", back="40 days ago")
    strange = other.sign("strange", "/CN=alice")
    for identity, comes_in in ((good, True), (None, False), (late, False), (strange, False)):
        assert lists(hub, *client(ca, identity), seconds=10 if comes_in else 1) == comes_in, identity
        assert refused(get, f"{door}/v1/topics", ca, identity) != comes_in, identity
    hub.stop()


def test_a_new_certificate_counts_without_a_restart(box):
    """And one that is broken does not: the one before goes on."""
    ca = Authority(box.path("ca"))
    hub, door = tls_hub(box, ca)
    cert, key = (pathlib.Path(hub.flags[i]) for i in (3, 5))

    def shown(port):
        return ssl.get_server_certificate(("127.0.0.1", port))

    ports = (hub.port, int(door.rsplit(":", 1)[1]))
    first = cert.read_text()
    connected = ssl.create_default_context(cafile=ca.cert).wrap_socket(
        socket.create_connection(("127.0.0.1", hub.port)), server_hostname="127.0.0.1")
    assert all(shown(port) == first for port in ports)
    second = ca.sign("second", "/CN=hub", "IP:127.0.0.1")
    shutil.copy(second[0], f"{cert}.new")
    os.replace(f"{cert}.new", cert)  # and not yet its key
    for port in ports:
        assert shown(port) == first
    shutil.copy(second[1], f"{key}.new")
    os.replace(f"{key}.new", key)
    for port in ports:
        wait_until(lambda port=port: shown(port) == second[0].read_text(), "the new certificate", every=0.3)
    cert.write_text("no certificate")
    for port in ports:
        wait_until(lambda: hub.process.stderr().count("still counts") or not shown(port), "the hub to notice", every=0.3)
        assert shown(port) == second[0].read_text()
    connected.sendall(b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff")  # ApiVersions, by the first
    assert connected.recv(8)[4:8] == b"\x00\x00\x00\x07"
    connected.close()
    hub.stop()


def test_a_hub_that_is_open_to_all_is_refused(box):
    """Beyond this machine it needs TLS and certificates of clients, or the user's word; exit code 78."""
    ca = Authority(box.path("ca"))
    cert, key = ca.sign("server", "/CN=hub", "IP:127.0.0.1")
    tls = ["--tls-cert", cert, "--tls-key", key]
    _, wrong = ca.sign("wrong", "/CN=hub")

    def starts(*flags):
        done = run([BINARY, "hub", "--data-dir", box.path("refused"), "--no-http", *flags])
        return done.returncode, done.stderr

    for flags, code, what in (
            (["--listen", "0.0.0.0:0"], 78, "WR5403"), (["--listen", "0.0.0.0:0", *tls], 78, "WR5403"),
            (["--tls-cert", cert], 64, "WR7003"), (["--tls-client-ca", cert], 64, "WR7003"),
            (["--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", wrong], 65, "WR5108"),
            (["--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", box.path("none")], 65, "WR5108")):
        found, said = starts(*flags)
        assert found == code and what in said, (flags, found, said)
    done = run([BINARY, "hub", "--data-dir", box.path("refused"), "--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"])
    assert done.returncode == 78 and "WR6018" in done.stderr, done.stderr
    hub = Hub(box, "--no-http", *tls, "--tls-client-ca", ca.cert, name="beyond")
    hub.address = f"0.0.0.0:{hub.port}"
    box.keep(hub).start()
    hub.stop()


main()
