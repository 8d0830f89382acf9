"""What networks do, between weir and every server it speaks to at once: mysql-cdc, sinks of PostgreSQL,
MySQL and Redis, look-ups in all three. Whatever happens meanwhile, in the end each row is there once.

WEIR_CHAOS_ROUNDS (1) goes through all faults so many times, each time with other numbers; from the second
on also two faults at a time. WEIR_SEED repeats them, WEIR_CHAOS_ONLY=NAME picks one."""

import contextlib
import dataclasses
import os
import random
import shutil
import subprocess
import threading
import time

from chaos import Chaos, Fault
from lib import free_port, main, wait_until

ROUNDS = int(os.environ.get("WEIR_CHAOS_ROUNDS", "1"))
ONLY = os.environ.get("WEIR_CHAOS_ONLY", "")
SEED = int(os.environ.get("WEIR_SEED", str(random.randrange(1 << 30))))
FAULT_SECONDS = 3
SILENCE_SECONDS = 5  # a wrong byte may make of a TLS record a longer one: its rest never comes
KEYS = 60  # that are looked up

CHANGES = """
SET 'execution.checkpointing.interval' = '100 ms';
SET 'parallelism.default' = '1';
CREATE TABLE t (id BIGINT, n INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'mysql-cdc',
  'hostname' = 'localhost', 'port' = '{cdc}', 'username' = 'weir', 'password' = 'weir-secret',
  'database-name' = 's', 'table-name' = 't', 'heartbeat.interval' = '1 s', 'connect.timeout' = '2 s'{cdc_tls});
CREATE TABLE pg (id BIGINT, n INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({postgres}{pg_sink}, 'table-name' = 't');
CREATE TABLE my (id BIGINT, n INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ({mysql}{my_sink}, 'table-name' = 't');
CREATE TABLE re (id BIGINT, n INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'redis',
  'host' = 'localhost', 'port' = '{redis}', 'command' = 'HSET', 'value.data.structure' = 'hash',
  'key.prefix' = 't:'{redis_tls});
INSERT INTO pg SELECT * FROM t;
INSERT INTO my SELECT * FROM t;
INSERT INTO re SELECT * FROM t;
"""

LOOK_UPS = """
SET 'execution.checkpointing.interval' = '100 ms';
SET 'parallelism.default' = '1';
CREATE TABLE o (n BIGINT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '400',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');
CREATE TABLE in_pg (k BIGINT, v STRING) WITH ({postgres}, 'table-name' = 'known');
CREATE TABLE in_my (k BIGINT, v STRING) WITH ({mysql}, 'table-name' = 'known');
CREATE TABLE in_re (k BIGINT, v STRING) WITH ('connector' = 'redis', 'host' = 'localhost', 'port' = '{redis}',
  'command' = 'GET'{redis_tls});
{found}"""

FOUND = """
CREATE TABLE found_{name} (n BIGINT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'found/{name}',
  'format' = 'csv', 'sink.rolling-policy.rollover-interval' = '100 ms',
  'sink.rolling-policy.check-interval' = '100 ms');
INSERT INTO found_{name} SELECT o.n, t.v FROM o
  LEFT JOIN in_{name} FOR SYSTEM_TIME AS OF o.p AS t ON o.n % {keys} = t.k;
"""


def faults(chance):
    """Each by its name; what the numbers are is left to chance."""
    return {
        "late": Fault(latency=chance.uniform(0.005, 0.03), jitter=chance.uniform(0, 0.03)),
        "slow": Fault(rate=chance.randint(1000, 4000)),
        "stalled": Fault(is_stalled=True),
        "refused": Fault(is_refusing=True),
        "reset": Fault(reset_after=chance.randint(1, 4000)),
        "half closed": Fault(half_after=chance.randint(1, 4000)),
        "sliced": Fault(piece=1),
        # Not the greeting of MariaDB, which no TLS protects: a wrong nonce is a wrong password, a wrong version
        # another kind of server.
        "corrupt": Fault(corrupt_after=chance.randint(150, 4000)),
        # What is damaged each time is so on the server.
        "corrupt binlog": Fault(corrupt_after=chance.randint(150, 6000), corrupt_most=3),
        "lost": Fault(is_lost=True),
        "closed late": Fault(close_late=chance.uniform(0.2, 1)),
    }


class Writer(threading.Thread):
    """Rows of s.t come, change and go."""

    def __init__(self, db, chance):
        super().__init__()
        self.session = db.session("s")
        self.chance = chance
        self.is_over = False
        self.next = 1

    def run(self):
        while not self.is_over:
            old = self.chance.randrange(1, self.next + 1)
            self.session.run(self.chance.choice([
                f"INSERT INTO t VALUES ({self.next}, {self.next % 7}, REPEAT('{self.next % 10}', {self.next % 90}))",
                f"UPDATE t SET n = n + 1, v = CONCAT(n, ' times') WHERE id BETWEEN {old} AND {old + 3}",
                f"DELETE FROM t WHERE id = {old}; INSERT INTO t VALUES ({self.next}, 1, NULL)"]))
            self.next += 1
            time.sleep(self.chance.random() * 0.02)

    def finish(self):
        self.is_over = True
        self.join()


class Servers:
    """All of them, a proxy before each, and a certificate for those who want one."""

    def __init__(self, box):
        self.box = box
        key, cert = box.path("key.pem"), box.path("cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", cert, "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        self.cert = cert
        self.db = box.mariadb(ssl_cert=str(cert), ssl_key=str(key))
        self.pg = box.postgres(ssl="on", ssl_cert_file=cert, ssl_key_file=self._key_of_postgres(key))
        self.tls_port = free_port()
        self.redis = box.redis(tls_port=self.tls_port, tls_cert_file=cert, tls_key_file=key,
                               tls_ca_cert_file=cert, tls_auth_clients="no")
        known = ", ".join(f"({k}, 'value {k}')" for k in range(KEYS))
        self.db.sql("CREATE DATABASE s; CREATE DATABASE weir; GRANT ALL ON weir.* TO 'weir'@'%';"
                    f"CREATE TABLE weir.known (k BIGINT, v VARCHAR(20)); INSERT INTO weir.known VALUES {known}")
        self.pg.sql(f"CREATE TABLE known (k BIGINT, v TEXT); INSERT INTO known VALUES {known}")
        self.redis.pipeline([("SET", k, f"value {k}") for k in range(KEYS)])

    def _key_of_postgres(self, key):
        """It insists on owning its key alone."""
        own = self.box.path("key-of-postgres.pem")
        own.write_bytes(key.read_bytes())
        own.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(own, "nobody", "nogroup")
        return own

    def empty(self):
        self.db.sql("DROP TABLE IF EXISTS s.t, weir.t, weir.weir_commits, weir.weir_staged, weir.weir_refused;"
                    "CREATE TABLE s.t (id BIGINT PRIMARY KEY, n INT, v VARCHAR(100));"
                    "CREATE TABLE weir.t (id BIGINT PRIMARY KEY, n INT, v VARCHAR(100));"
                    "INSERT INTO s.t SELECT -seq, seq, CONCAT('row ', seq) FROM seq_1_to_50", "s")
        self.pg.sql("DROP TABLE IF EXISTS t, weir_commits, weir_staged, weir_refused;"
                    "CREATE TABLE t (id BIGINT PRIMARY KEY, n INT, v VARCHAR(100))")
        for key in self.redis.keys("t:*"):
            self.redis("DEL", key)

    def wanted(self):
        return sorted(tuple(row) for row in self.db.sql("SELECT id, n, COALESCE(v, '-') FROM s.t"))

    def found(self):
        rows = {"PostgreSQL": self.pg.sql("SELECT id, n, COALESCE(v, '-') FROM t"),
                "MySQL": self.db.sql("SELECT id, n, COALESCE(v, '-') FROM weir.t"),
                "Redis": [(key[2:], fields["n"], fields.get("v", "-")) for key, fields in
                          ((key, self.redis.hash(key)) for key in self.redis.keys("t:*")) if fields]}
        return {name: sorted(tuple(row) for row in found) for name, found in rows.items()}


class Case:
    """weir at work between the servers, with a proxy before each."""

    def __init__(self, servers, name, fault, chance):
        self.servers, self.name, self.fault, self.chance = servers, name, fault, chance
        # Events of the binlog have checksums; elsewhere only TLS notices a wrong byte everywhere.
        self.is_in_binlog = "binlog" in name
        self.has_tls = fault.corrupt_after > 0 and not self.is_in_binlog
        redis_port = servers.tls_port if self.has_tls else servers.redis.port
        self.proxies = {"cdc": Chaos(servers.db.port, SEED), "mysql": Chaos(servers.db.port, SEED),
                        "postgres": Chaos(servers.pg.port, SEED), "redis": Chaos(redis_port, SEED)}
        servers.empty()
        self.jobs = [servers.box.weir(self._fill(CHANGES)), servers.box.weir(self._fill(LOOK_UPS))]
        self.writer = Writer(servers.db, chance)

    def _fill(self, pipeline):
        tls, ports = self.has_tls, {name: proxy.port for name, proxy in self.proxies.items()}
        user = "'username' = 'weir', 'password' = 'weir-secret'"
        once = ", 'sink.delivery-guarantee' = 'exactly-once'"
        often = ", 'sink.buffer-flush.interval' = '50 ms'"
        return pipeline.format(
            cdc=ports["cdc"], redis=ports["redis"],
            found="".join(FOUND.format(name=name, keys=KEYS) for name in ("pg", "my", "re")),
            pg_sink=self.chance.choice([once, often]), my_sink=self.chance.choice([once, often]),
            cdc_tls=f", 'jdbc.properties.sslMode' = '{'REQUIRED' if tls else 'DISABLED'}'",
            redis_tls=f", 'tls' = 'true', 'tls.ca-file' = '{self.servers.cert}'" if tls else "",
            postgres=f"'connector' = 'jdbc', 'url' = 'jdbc:postgresql://localhost:{ports['postgres']}/weir"
                     f"?sslmode={'require' if tls else 'disable'}&socketTimeout={SILENCE_SECONDS}', {user}",
            mysql=f"'connector' = 'jdbc', 'url' = 'jdbc:mysql://localhost:{ports['mysql']}/weir"
                  f"?sslMode={'REQUIRED' if tls else 'DISABLED'}&socketTimeout={SILENCE_SECONDS}000', {user}")

    def agrees(self):
        wanted = self.servers.wanted()
        return all(rows == wanted for rows in self.servers.found().values())

    def await_agreement(self, what):
        try:
            wait_until(self.agrees, what, 90, process=self.jobs[0])
        except AssertionError:
            wanted = self.servers.wanted()
            for name, rows in self.servers.found().items():
                print(f"     {name}: missing {sorted(set(wanted) - set(rows))[:3]}, "
                      f"too many {sorted(set(rows) - set(wanted))[:3]}")
            raise

    def numbers(self):
        """How many were looked up everywhere: each is there once, with what belongs to it."""
        counts = []
        for name in ("pg", "my", "re"):
            files = self.jobs[1].folder.glob(f"found/{name}/[!._]*")
            found = [line for path in files for line in path.read_text().splitlines()]
            wanted = [f'{n},"value {n % KEYS}"' for n in range(1, len(found) + 1)]
            assert sorted(found) == sorted(wanted), (name, len(found), sorted(set(found) ^ set(wanted))[:5])
            counts.append(len(found))
        return min(counts)

    def set_fault(self, fault):
        for name, proxy in self.proxies.items():
            if name == "cdc" or not self.is_in_binlog:
                proxy.fault = fault

    def trouble(self):
        """The fault while rows change; how often each server was asked for a connection meanwhile."""
        before = {name: proxy.connects for name, proxy in self.proxies.items()}
        self.set_fault(self.fault)
        if any(getattr(self.fault, name) for name in ("is_refusing", "reset_after", "half_after", "corrupt_after")):
            for proxy in self.proxies.values():
                proxy.cut()
        until, used = time.monotonic() + FAULT_SECONDS, self.cpu_seconds()
        while time.monotonic() < until:
            time.sleep(0.1)
            if self.fault.close_late and self.chance.random() < 0.2:
                self._end_sessions()
            for weir in self.jobs:
                assert weir.is_alive(), weir.log()
        if self.fault.is_refusing or self.fault.is_stalled:
            used = self.cpu_seconds() - used
            assert used < FAULT_SECONDS / 2, f"{used} s of CPU in {FAULT_SECONDS} s: it waits in a busy loop"
        self.set_fault(Fault())
        return {name: proxy.connects - before[name] for name, proxy in self.proxies.items()}

    def cpu_seconds(self):
        return sum(weir.process.cpu_seconds() for weir in self.jobs)

    def _end_sessions(self):
        self.servers.pg.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE pid <> pg_backend_pid() AND client_addr IS NOT NULL")
        for (number,) in self.servers.db.sql("SELECT id FROM information_schema.processlist WHERE user = 'weir'"):
            with contextlib.suppress(AssertionError):  # it may have gone by itself
                self.servers.db.sql(f"KILL {number}")
        self.servers.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def run(self):
        for weir in self.jobs:
            weir.start()
        self.writer.start()
        try:
            wait_until(lambda: all(self.servers.found().values()), "the first rows", 60, process=self.jobs[0])
            wait_until(self.numbers, "the first look-ups", 60, process=self.jobs[1])
            attempts = self.trouble()
        finally:
            self.writer.finish()
        before = self.numbers()
        self.await_agreement(f"all rows after '{self.name}', seed {SEED}")
        wait_until(lambda: self.numbers() > before + KEYS, "more look-ups", 60, process=self.jobs[1])
        for weir in self.jobs:
            assert weir.stop() == 0, weir.log()
        assert self.agrees(), "rows came when all had been there"
        # Pauses grow: some attempts for each of the three or four connections through a proxy.
        assert max(attempts.values()) < 60, attempts
        hits = sum(proxy.hits for proxy in self.proxies.values())
        print(f"     {self.name}: {len(self.servers.wanted())} rows, {self.numbers()} look-ups; {hits} connections "
              f"spoilt, asked to connect {attempts}", flush=True)
        for proxy in self.proxies.values():
            proxy.close()


def merged(one, other):
    """Both at once."""
    return Fault(**{field.name: getattr(one, field.name) or getattr(other, field.name)
                    for field in dataclasses.fields(Fault)
                    if field.name != "piece"}, piece=min(one.piece, other.piece))


def test_whatever_the_network_does_each_row_arrives_once(box):
    chance = random.Random(SEED)
    servers = Servers(box)
    print(f"     seed {SEED}", flush=True)
    for round_number in range(ROUNDS):
        cases = faults(chance)
        if round_number > 0:
            names = list(cases)
            cases |= {f"{a} and {b}": merged(cases[a], cases[b])
                      for a, b in (chance.sample(names, 2) for _ in names)}
        for name, fault in cases.items():
            if ONLY in name:
                Case(servers, name, fault, chance).run()


main()
