"""What clients of others get from the hub is what they get from a real Kafka (test/clients): those that
`make check` has; tools/clients runs all, and asks Kafka itself."""

import concurrent.futures
import json

import hub_clients
from certs import Authority
from hub import Hub
from lib import main


MECHANISMS = {"kafka_python": "SCRAM-SHA-256", "confluent": "SCRAM-SHA-512", "kcat": "PLAIN", "kafkajs": "SCRAM-SHA-512"}


def test_clients_get_what_kafka_gives(box):
    """All at once, each with topics of its own; by TLS and with a password, which changes no answer."""
    ca = Authority(box.path("ca"))
    cert, key = ca.sign("server", "/CN=hub", "IP:127.0.0.1")
    hub = box.keep(Hub(box, "--no-http", "--tls-cert", cert, "--tls-key", key, "--sasl", ",".join(set(MECHANISMS.values()))))
    password = hub.user("alice")
    hub.start()

    def ask(client):
        return hub_clients.ask(client, hub.address, box.path(""), security={
            "security.protocol": "SASL_SSL", "ssl.ca.location": str(ca.cert), "sasl.mechanism": MECHANISMS[client],
            "sasl.username": "alice", "sasl.password": password})

    answers = json.loads(hub_clients.ANSWERS.read_text("utf-8"))
    clients = (*hub_clients.PYTHON, "kafkajs")
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        told = dict(zip(clients, pool.map(ask, clients)))
    wrong = {client: lines for client in clients if (lines := hub_clients.differences(answers[client], told[client]))}
    assert not wrong, json.dumps(wrong, indent=1)
    hub.stop()
    code, report = hub.fsck()
    assert code == 0 and report["findings"] == [], report


main()
