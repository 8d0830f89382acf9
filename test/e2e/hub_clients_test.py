"""What clients of others get from the hub is what they get from a real Kafka (test/clients): those that
`make check` has; tools/clients runs all, and asks Kafka itself."""

import concurrent.futures
import json

import hub_clients
from hub import Hub
from lib import main


def test_clients_get_what_kafka_gives(box):
    """All at once, each with topics of its own."""
    hub = box.keep(Hub(box)).start()
    answers = json.loads(hub_clients.ANSWERS.read_text("utf-8"))
    clients = (*hub_clients.PYTHON, "kafkajs")
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        told = dict(zip(clients, pool.map(lambda client: hub_clients.ask(client, hub.address, box.path("")), clients)))
    wrong = {client: lines for client in clients if (lines := hub_clients.differences(answers[client], told[client]))}
    assert not wrong, json.dumps(wrong, indent=1)
    hub.stop()
    code, report = hub.fsck()
    assert code == 0 and report["findings"] == [], report


main()
