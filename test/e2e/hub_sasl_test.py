"""Logging in to the hub: who comes in, who does not, and what may be asked before."""

import base64
import concurrent.futures
import json
import pathlib
import signal
import struct
import subprocess
import threading

from hub import Hub
from lib import BINARY, main, wait_until
from wire import Wire, proof

ALL = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
OK, UNSUPPORTED, ILLEGAL, REFUSED = 0, 33, 34, 58


def security(mechanism, name, password):
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism, "sasl.username": name, "sasl.password": password}


def librdkafka(settings):
    return [part for key, value in settings.items() for part in ("-X", f"{key}={value}")]


def lists(hub, settings, seconds=10):
    return subprocess.run(["kcat", "-b", hub.address, "-L", "-m", str(seconds), *librdkafka(settings)], capture_output=True,
                          check=False).returncode == 0


def sasl_hub(box, *flags, name="hub"):
    hub = box.keep(Hub(box, "--no-http", "--sasl", ALL, *flags, name=name))
    hub.user("alice", "pencil, =éx=2C")
    return hub.start()


def test_names_and_passwords(box):
    """Each mechanism, each client; keys too. What is secret is in no log."""
    hub = sasl_hub(box)
    key = subprocess.run([BINARY, "key", "create", "till", "--data-dir", hub.folder], capture_output=True, text=True,
                         check=True).stdout.strip()
    for mechanism in ALL.split(","):
        good = security(mechanism, "alice", "pencil, =éx=2C")
        assert lists(hub, good), mechanism
        told = subprocess.run([BINARY, "topic", "list", "--bootstrap", hub.address, *librdkafka(good)], capture_output=True,
                              text=True, check=False)
        assert told.returncode == 0, told.stderr
        job = box.weir(f"""
            CREATE TABLE t (n INT) WITH ('connector' = 'kafka', 'topic' = 't{mechanism}', 'format' = 'json',
              'properties.bootstrap.servers' = '{hub.address}', 'properties.security.protocol' = 'SASL_PLAINTEXT',
              'properties.sasl.mechanism' = '{mechanism}', 'properties.sasl.username' = 'alice',
              'properties.sasl.password' = 'pencil, =éx=2C', 'sink.delivery-guarantee' = 'exactly-once',
              'sink.transactional-id-prefix' = 'tx');
            INSERT INTO t VALUES (1), (2);""")
        done = job.call("run", "pipeline.sql")
        assert done.returncode == 0, done.stderr
        assert hub.kcat("-C", "-t", f"t{mechanism}", "-e", "-q", *librdkafka(good)).split() == ['{"n":1}', '{"n":2}']
    assert lists(hub, security("PLAIN", "till", key))
    wrong = (security("PLAIN", "alice", "pencil"), security("SCRAM-SHA-256", "alice", "wrong"),
             security("SCRAM-SHA-512", "nobody", "pencil"), security("PLAIN", "alice", key), {})
    with concurrent.futures.ThreadPoolExecutor(len(wrong)) as pool:
        assert not any(pool.map(lambda settings: lists(hub, settings, 1), wrong))
    hub.stop()
    logs = hub.process.stderr() + (pathlib.Path(hub.folder) / "hub" / "users").read_text("utf-8")
    assert "pencil" not in logs and key not in logs
    assert oct((pathlib.Path(hub.folder) / "hub" / "users").stat().st_mode & 0o777) == "0o600"


def test_nothing_is_answered_before_a_login(box):
    """And a mistake on the way ends the connection."""
    hub = sasl_hub(box)
    assert Wire(hub.port).lists() is False
    assert Wire(hub.port).ask(18, 0, b"") is not None  # ApiVersions is
    wire = Wire(hub.port)
    assert wire.handshake("GSSAPI") == UNSUPPORTED and wire.answer() is None
    wire = Wire(hub.port)
    assert wire.handshake("PLAIN") == OK and not wire.lists()
    wire = Wire(hub.port)
    assert wire.login("alice", "pencil, =éx=2C")[0] == OK and wire.lists()
    assert wire.handshake("PLAIN") == ILLEGAL and wire.lists()
    wire = Wire(hub.port)
    assert wire.login("alice", "wrong")[0] == REFUSED and wire.answer() is None
    wire = Wire(hub.port)
    wire.socket.sendall(struct.pack(">i", 600 * 1024))  # too large for who is not known
    assert wire.answer() is None
    for token in (b"", b"\0", b"\0\0", b"alice\0alice\0", b"bob\0alice\0pencil, =\xc3\xa9x=2C", b"x" * 3000):
        wire = Wire(hub.port)
        wire.handshake("PLAIN")
        assert wire.authenticate(token)[0] == REFUSED, token
    wire = Wire(hub.port)  # version 0: tokens without headers
    assert wire.handshake("PLAIN", 0) == OK
    wire.frame("\0alice\0pencil, =éx=2C".encode())
    assert wire.answer() == b"" and wire.lists()
    wire = Wire(hub.port)
    wire.handshake("PLAIN", 0)
    wire.frame(b"\0alice\0wrong")
    assert wire.answer() is None
    hub.stop()


def test_scram_is_that_of_the_rfc(box):
    """Against Python's own arithmetic; what is changed on the way is refused."""
    hub = sasl_hub(box)

    def begin(first):
        wire = Wire(hub.port)
        wire.handshake("SCRAM-SHA-256")
        code, challenge, _ = wire.authenticate(first)
        return wire, code, challenge

    wire, code, challenge = begin(b"n,,n=alice,r=abc")
    last, wanted = proof("alice", "pencil, =éx=2C", "abc", challenge)
    assert code == OK and wire.authenticate(last)[:2] == (OK, wanted) and wire.lists()
    for change in (lambda m: m.replace(b"c=biws", b"c=eSws"), lambda m: m[:-8] + b"AAAAAAA=", lambda m: m.split(b",p=")[0],
                   lambda m: m.replace(b"r=abc", b"r=abd"), lambda m: m + b",x=1", lambda m: b""):
        wire, _, challenge = begin(b"n,,n=alice,r=abc")
        assert wire.authenticate(change(proof("alice", "pencil, =éx=2C", "abc", challenge)[0]))[0] == REFUSED
    for first in (b"", b"n", b"p=tls-unique,,n=alice,r=abc", b"n,,r=abc", b"n,,n=alice", b"n,,m=1,n=alice,r=abc",
                  b"n,,n=al=ice,r=abc", b"n,a=bob,n=alice,r=abc", b"n,,n=alice,r="):
        assert begin(first)[1] == REFUSED, first
    # Who is not there is challenged like anyone, each time with the same salt.
    salts = [begin(b"n,,n=nobody,r=abc")[2].split(b",")[1] for _ in range(2)]
    assert salts[0] == salts[1] and len(base64.b64decode(salts[0][2:])) == 16
    hub.stop()


def test_failures_slow_down_their_address(box):
    """Logins that come after them wait for their turn, or are sent away; those of others do not."""
    hub = sasl_hub(box)
    assert Wire(hub.port, "127.0.0.1").login("alice", "wrong")[0] == REFUSED
    crowd = [Wire(hub.port, "127.0.0.1") for _ in range(80)]
    for wire in crowd:
        wire.handshake("PLAIN")
        token = b"\0alice\0wrong"
        wire.frame(struct.pack(">hhihi", 36, 1, 1, -1, len(token)) + token)
    assert Wire(hub.port).login("alice", "pencil, =éx=2C")[0] == OK
    sent_away = crowd[-1].answer()
    assert b"Too many logins" in sent_away, sent_away
    hub.stop()


def test_logins_end(box):
    """When their time is over, unless renewed by the same user; when the user is revoked; when the password changes."""
    hub = sasl_hub(box, "--sasl-lifetime-seconds", "2")
    bob = hub.user("bob")
    one, other, third = Wire(hub.port), Wire(hub.port), Wire(hub.port)
    assert [wire.login("alice", "pencil, =éx=2C")[2] for wire in (one, other, third)] == [2000] * 3
    assert one.lists() and other.lists()
    assert third.login("bob", bob)[0] == REFUSED and third.answer() is None
    wait_until(lambda: one.login("alice", "pencil, =éx=2C")[0] == OK and not other.lists(), "the login to end", every=0.5)
    assert one.lists()
    hub.stop()
    hub.flags = hub.flags[:3]
    hub.start()
    revoked, changed, bystander = Wire(hub.port), Wire(hub.port), Wire(hub.port)
    assert revoked.login("bob", bob)[0] == changed.login("alice", "pencil, =éx=2C")[0] == OK
    hub.user("carol", "c")
    wait_until(lambda: Wire(hub.port).login("carol", "c")[0] == OK, "carol to be known")
    assert bystander.login("carol", "c")[0] == OK and changed.lists() and revoked.lists()
    for name in ("bob", "alice"):
        subprocess.run([BINARY, "user", "revoke", name, "--data-dir", hub.folder], check=True, capture_output=True)
    hub.user("alice", "pen")
    wait_until(lambda: not revoked.lists() and not changed.lists(), "the connections to end")
    assert bystander.lists()
    hub.stop()


def soak_users_survive_kills(box):
    """An answer stands, whenever the process is killed."""
    hub = sasl_hub(box)
    admin = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "alice",
             "sasl_plain_password": "pencil, =éx=2C"}
    script = """
import json, sys
from kafka.admin import KafkaAdminClient, UserScramCredentialUpsertion, ScramMechanism
admin = KafkaAdminClient(bootstrap_servers=ADDRESS, **json.loads(sys.argv[1]))
for i in range(int(sys.argv[2]), 100000):
    answer = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(f"u{i}", ScramMechanism.SCRAM_SHA_256, b"pw", 4096)])
    print(i, flush=True)
"""
    from hub import install  # pylint: disable=import-outside-toplevel
    acknowledged = 0
    for turn in range(3):
        child = subprocess.Popen([install(), "-c", f"ADDRESS = {hub.address!r}\n{script}", json.dumps(admin), str(acknowledged)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        killer = None
        for line in child.stdout:
            acknowledged = int(line) + 1
            if killer is None and acknowledged % 7 == 5 + turn % 2:
                killer = threading.Thread(target=hub.kill)
                killer.start()
            if killer is not None and not hub.process.is_alive():
                break
        assert killer is not None, child.stderr.read()
        child.send_signal(signal.SIGKILL)
        child.wait()
        hub.start()
        there = subprocess.run([BINARY, "user", "list", "--data-dir", hub.folder], capture_output=True, text=True,
                               check=True).stdout.split()
        assert all(f"u{i}" in there for i in range(acknowledged)), (acknowledged, there)
    assert Wire(hub.port).login(f"u{acknowledged - 1}", "pw")[0] == OK
    hub.stop()


main()
