"""Access rules of the hub: each request by who may and who may not, as a real Kafka answers it (tools/clients asks
both); and that a rule which was acknowledged stands."""

import json
import os
import pathlib
import subprocess
import threading

import hub_clients
from hub import Hub, install
from lib import BINARY, main
from wire import Wire, text

KILLS = int(os.environ.get("WEIR_ACL_KILLS", "1"))


def acl_hub(box, *flags):
    hub = box.keep(Hub(box, "--no-http", "--sasl", "PLAIN,SCRAM-SHA-256", *flags))
    hub.user("admin", hub_clients.ADMIN)
    return hub.start()


def weir(hub, name, password, *arguments, feed=None):
    told = [part for key, value in {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": name,
                                    "sasl.password": password}.items() for part in ("-X", f"{key}={value}")]
    done = subprocess.run([BINARY, *arguments, "--bootstrap", hub.address, *told], input=feed, capture_output=True, text=True,
                          check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_each_request_is_for_who_may(box):
    """And rules are there after a restart, also without the flag that named a super user."""
    hub = acl_hub(box, "--super-users", "User:admin")
    wanted = json.loads(hub_clients.ANSWERS.read_text("utf-8"))["access"]
    told = hub_clients.ask("access", hub.address, box.path(""), security=hub_clients.admin_of())
    assert not (wrong := hub_clients.differences(wanted, told)), json.dumps(wrong, indent=1)
    hub.stop()
    hub.flags = hub.flags[:3]
    hub.start()
    may, may_not = Wire(hub.port), Wire(hub.port)
    assert may.scram("has-Metadata", "a password") == 0 == may_not.scram("none", "a password")
    ask = b"\xff\xff\xff\xff"  # all topics, as far as he may know of them
    assert b"ac-Metadata" in may.ask(3, 1, ask) and b"ac-Fetch" not in may.ask(3, 1, ask)
    assert b"ac-" not in may_not.ask(3, 1, ask)
    assert b"ac-Metadata" in may_not.ask(3, 1, b"\0\0\0\1" + text("ac-Metadata"))  # who asks by name hears that he may not
    hub.stop()


def test_keys_have_their_roles(box):
    """A key of HTTP is good for what it says, and for nothing else."""
    hub = acl_hub(box)

    def key(name, *flags):
        return subprocess.run([BINARY, "key", "create", name, *flags, "--data-dir", hub.folder], capture_output=True, text=True,
                              check=True).stdout.strip()

    till = key("till", "--role", "produce", "--topics", "orders*")
    desk = key("desk", "--role", "consume", "--topics", "orders")
    assert weir(hub, "till", till, "topic", "produce", "orders", feed="1\n2\n")[0] == 0
    assert weir(hub, "desk", desk, "topic", "consume", "orders", "-o", "earliest", "-e", "-g", "g")[1].split() == ["1", "2"]
    for name, secret, *arguments in (("till", till, "topic", "consume", "orders", "-o", "earliest", "-e"),
                                     ("till", till, "topic", "produce", "others"), ("till", till, "topic", "delete", "orders"),
                                     ("desk", desk, "topic", "produce", "orders"), ("desk", desk, "topic", "delete", "orders")):
        code, said = weir(hub, name, secret, *arguments, feed="3\n")
        assert code != 0, (name, arguments, said)
    assert weir(hub, "desk", desk, "topic", "consume", "orders", "-o", "earliest", "-e")[1].split() == ["1", "2"]
    subprocess.run([BINARY, "key", "revoke", "till", "--data-dir", hub.folder], check=True, capture_output=True)
    hub.stop()


RULES = """
import json, sys
from kafka.admin import *
admin = KafkaAdminClient(bootstrap_servers=ADDRESS, **json.loads(sys.argv[1]))
for i in range(int(sys.argv[2]), 100000):
    rule = ACL(f"User:u{i}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, f"t{i}"))
    admin.create_acls([rule])
    print(i, flush=True)
"""


def test_rules_survive_kills(box):
    """An answer stands, whenever the process is killed: in the middle of changes."""
    hub = acl_hub(box, "--super-users", "admin")
    admin = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "admin",
             "sasl_plain_password": hub_clients.ADMIN}
    acknowledged = 0
    for turn in range(KILLS):
        child = subprocess.Popen([install(), "-c", f"ADDRESS = {hub.address!r}\n{RULES}", json.dumps(admin), str(acknowledged)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        killer = None
        for line in child.stdout:
            acknowledged = int(line) + 1
            if killer is None and acknowledged % 20 == 15 + turn:
                killer = threading.Thread(target=hub.kill)
                killer.start()
            if killer is not None and not hub.process.is_alive():
                break
        assert killer is not None, child.stderr.read()
        child.kill()
        child.wait()
        killer.join()
        hub.start()
        rules = pathlib.Path(hub.folder, "hub", "acls").read_text("utf-8")
        assert all(f"User:u{i}\t" in rules for i in range(acknowledged)), (acknowledged, rules)
        assert oct(pathlib.Path(hub.folder, "hub", "acls").stat().st_mode & 0o777) == "0o600"
    hub.stop()


main()
