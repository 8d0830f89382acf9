"""Where clients are sent: through a port that leads to the hub, by the name in its certificate, or to the address
that they came to."""

import json
import subprocess

from certs import Authority
from forward import Forward
from hub import Hub, python
from lib import BINARY, free_port, main


def brokers(address, *flags):
    """What kcat is told: addresses of brokers."""
    done = subprocess.run(["kcat", "-b", address, "-L", "-J", "-m", "20", *map(str, flags)], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [broker["name"] for broker in json.loads(done.stdout)["brokers"]]


def test_clients_come_through_a_port_that_leads_there(box):
    """Topics, records and groups, all of it through that port."""
    forward = box.keep(Forward())
    address = f"127.0.0.1:{forward.port}"
    hub = box.keep(Hub(box, "--no-http", "--advertise", address)).start()
    forward.to = hub.port
    assert brokers(hub.address) == [address]
    found = python(address, """
import json
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
producer = KafkaProducer(bootstrap_servers=ADDRESS)
for i in range(100):
    producer.send('t', b'%d' % i)
producer.flush()
consumer = KafkaConsumer('t', bootstrap_servers=ADDRESS, group_id='g', auto_offset_reset='earliest', consumer_timeout_ms=20000)
got = []
for message in consumer:
    got.append(int(message.value))
    if len(got) == 100:
        break
consumer.close()
told = KafkaAdminClient(bootstrap_servers=ADDRESS).describe_cluster()
print(json.dumps([got, ['%s:%d' % (one['host'], one['port']) for one in told['brokers']]]))
""")
    assert found == [list(range(100)), [address]], found
    # One to begin with, and at least one for records and one for the group; none went around it.
    assert forward.connections >= 3, forward.connections
    assert address in hub.process.stderr()


def test_a_certificate_names_the_host_that_is_advertised(box):
    """The certificate has no address: who is sent to one does not trust it."""
    ca = Authority(box.path("ca"))
    cert, key = ca.sign("server", "/CN=hub", "DNS:localhost")
    port = free_port()
    hub = box.keep(Hub(box, "--no-http", "--tls-cert", cert, "--tls-key", key))
    hub.port, hub.address = port, f"127.0.0.1:{port}"
    tls = ["-X", "security.protocol=SSL", "-X", f"ssl.ca.location={ca.cert}", "-X", "ssl.endpoint.identification.algorithm=https",
           "-X", "broker.address.family=v4"]

    def produce():
        return subprocess.run(["kcat", "-b", f"localhost:{port}", "-P", "-t", "t", "-X", "message.timeout.ms=5000", *tls],
                              input="x\n", capture_output=True, text=True, check=False, timeout=60)

    hub.start()
    done = produce()
    assert done.returncode != 0 and "certificate verify failed" in done.stderr, done.stderr
    hub.stop()
    hub.flags = (*hub.flags, "--advertise", f"localhost:{port}")
    hub.start()
    done = produce()
    assert done.returncode == 0, done.stderr
    assert brokers(f"localhost:{port}", *tls) == [f"localhost:{port}"]


def test_who_listens_everywhere_names_the_address_that_one_came_to(box):
    """This machine has many: 127.0.0.1, 127.0.0.2, …"""
    hub = box.keep(Hub(box, "--no-http", "--allow-plaintext"))
    hub.address = f"0.0.0.0:{hub.port}"
    hub.start()
    for host in ("127.0.0.1", "127.0.0.2"):
        assert brokers(f"{host}:{hub.port}") == [f"{host}:{hub.port}"]


def test_several_ports_each_with_its_address(box):
    """As where containers come by one name and others by another; who has come by one stays there."""
    forward = box.keep(Forward())
    ports = [free_port() for _ in range(3)]
    hub = box.keep(Hub(box, "--no-http", "--allow-plaintext", "--advertise", f"127.0.0.1:{forward.port}, ,localhost:{ports[2]}"))
    hub.port, hub.address = ports[0], f"127.0.0.1:{ports[0]}, 0.0.0.0:{ports[1]},127.0.0.1:{ports[2]}"
    hub.start()
    forward.to = ports[0]
    assert f"127.0.0.1:{ports[0]} and 0.0.0.0:{ports[1]} and 127.0.0.1:{ports[2]}" in hub.process.stderr()
    assert f"for clients at 127.0.0.1:{forward.port} and localhost:{ports[2]}\n" in hub.process.stderr()
    assert brokers(f"127.0.0.1:{ports[0]}") == [f"127.0.0.1:{forward.port}"]
    assert brokers(f"127.0.0.3:{ports[1]}") == [f"127.0.0.3:{ports[1]}"]
    assert brokers(f"127.0.0.1:{ports[2]}") == [f"localhost:{ports[2]}"]
    for i, port in enumerate(ports):
        hub.address = f"127.0.0.1:{port}"
        hub.kcat("-P", "-t", "t", feed=f"{i}\n")
        assert hub.consume("t", form="%s") == "012"[:i + 1]
    hub.stop()


def test_addresses_that_nobody_can_come_to_are_refused(box):
    for told in ("hub", "0.0.0.0:9092", "[::]:9092", "hub:0", ":9092", "hub:65536"):
        done = subprocess.run([BINARY, "hub", "--no-http", "--listen", "127.0.0.1:0", "--advertise", told, "--data-dir",
                               box.path("refused")], capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode != 0 and "WR5402" in done.stderr and told in done.stderr, (told, done.stderr)
    for listen, told, words in (("127.0.0.1:0", "a:1,b:2", "more addresses"), ("127.0.0.1:0,", "a:1", "no port"),
                                ("127.0.0.1:0,0.0.0.0:0", "a:1", "WR5403")):
        done = subprocess.run([BINARY, "hub", "--no-http", "--listen", listen, "--advertise", told, "--data-dir",
                               box.path("refused")], capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode != 0 and words in done.stderr, (listen, told, done.stderr)


def test_an_address_that_is_in_use_is_said(box):
    """It is one; that HOST:PORT is needed would be no help."""
    hub = box.keep(Hub(box, "--no-http")).start()
    done = subprocess.run([BINARY, "hub", "--no-http", "--listen", hub.address, "--data-dir", box.path("other")],
                          capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode != 0 and "in use" in done.stderr, done.stderr
    assert "HOST:PORT" not in done.stderr and "another program listens there" in done.stderr, done.stderr


main()
