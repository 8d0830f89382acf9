"""Databases that owe an answer and say nothing more: answers are lost behind a proxy, the connection stays.

`socketTimeout` of the URL ends that. Each row is there once in the end."""

import contextlib
import select
import socket
import ssl
import subprocess
import threading

from chaos import Chaos, Fault
from jdbc_sink_test import both
from lib import main, wait_until
from lookups import Pg, finish, letters, metric, printed

SILENCE = {"mariadb": "socketTimeout=1500", "postgres": "socketTimeout=2"}

ROWS = """CREATE TABLE {name} (n BIGINT, p AS PROCTIME()) WITH ('connector' = 'datagen', 'rows-per-second' = '500',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000000');
"""


def table(server, port, name, columns, more=""):
    scheme = {"mariadb": "mysql", "postgres": "postgresql"}[server.NAME]
    return (f"CREATE TABLE {name} ({columns}) WITH ('connector' = 'jdbc', 'url' = 'jdbc:{scheme}://127.0.0.1:{port}"
            f"/weir?{SILENCE[server.NAME]}', 'username' = 'weir', 'password' = 'weir-secret', "
            f"'table-name' = '{name}'{more});\n")


def lose_answers(proxy, weir, count):
    """Until so many that matter were lost: all that is under way waits for one then."""
    proxy.fault = Fault(is_lost=True)
    wait_until(lambda: proxy.hits >= count, "answers to be lost", process=weir)
    proxy.fault = Fault()


@both
def test_sinks_begin_again_when_an_answer_does_not_come(server, box):
    server.sql("CREATE TABLE once (n BIGINT); CREATE TABLE by_key (k BIGINT PRIMARY KEY, n BIGINT)")
    proxy = Chaos(server.server.port)
    weir = box.weir(
        "SET 'execution.checkpointing.interval' = '100 ms';\n" + ROWS.format(name="o") +
        table(server, proxy.port, "once", "n BIGINT", ", 'sink.delivery-guarantee' = 'exactly-once'") +
        table(server, proxy.port, "by_key", "k BIGINT, n BIGINT, PRIMARY KEY (k) NOT ENFORCED",
              ", 'sink.buffer-flush.interval' = '50 ms'") +
        "INSERT INTO once SELECT n FROM o;\nINSERT INTO by_key SELECT n % 100, n FROM o;\n").start()

    def written():
        return [int(server.sql(f"SELECT coalesce(max(n), 0) FROM {name}")[0][0]) for name in ("once", "by_key")]
    wait_until(lambda: min(written()) > 100, "rows", process=weir)
    for times in range(1, 4):
        lose_answers(proxy, weir, 2 * times)
        before = written()
        wait_until(lambda before=before: all(now > old + 300 for now, old in zip(written(), before)),
                   f"rows after silence {times}", 60, process=weir)
    assert weir.stop() == 0, weir.log()
    rows, distinct, most = map(int, server.sql("SELECT count(*), count(DISTINCT n), max(n) FROM once")[0])
    assert rows == distinct == most, (rows, distinct, most)
    last = sorted(int(n) for (n,) in server.sql("SELECT n FROM by_key"))
    assert last == list(range(last[-1] - 99, last[-1] + 1)), last
    assert "trying again" in weir.stderr() and not letters(weir, "once"), weir.log()
    proxy.close()


@both
def test_look_ups_ask_again_when_an_answer_does_not_come(server, box):
    server.sql("CREATE TABLE known (k BIGINT, v VARCHAR(20)); INSERT INTO known VALUES " +
               ", ".join(f"({k}, 'value {k}')" for k in range(10)))
    proxy = Chaos(server.server.port)
    weir = box.weir(
        ROWS.format(name="o") + table(server, proxy.port, "known", "k BIGINT, v STRING") +
        "CREATE TABLE found (n BIGINT, v STRING) WITH ('connector' = 'filesystem', 'path' = 'found', "
        "'format' = 'csv', 'sink.rolling-policy.rollover-interval' = '100 ms', "
        "'sink.rolling-policy.check-interval' = '100 ms');\n"
        "SET 'execution.checkpointing.interval' = '100 ms';\n"
        "INSERT INTO found SELECT o.n, t.v FROM o LEFT JOIN known FOR SYSTEM_TIME AS OF o.p AS t "
        "ON o.n % 10 = t.k;\n").start()

    def found():
        return sorted((line for path in weir.folder.glob("found/[!._]*") for line in path.read_text().splitlines()),
                      key=lambda line: int(line.split(",")[0]))
    wait_until(lambda: len(found()) > 100, "rows", process=weir)
    lose_answers(proxy, weir, 1)
    before = len(found())
    wait_until(lambda: len(found()) > before + 500, "rows after the silence", 30, process=weir)
    assert metric(weir, "weir_lookup_retries_total") > 0
    assert weir.stop() == 0, weir.log()
    rows = found()
    assert rows == [f'{n},"value {n % 10}"' for n in range(1, len(rows) + 1)], rows[:5]
    proxy.close()


@both
def test_a_scan_goes_on_where_it_was_when_an_answer_does_not_come(server, box):
    count = 400000
    series = ("SELECT seq FROM seq_1_to_{0}" if server.NAME == "mariadb"
              else "SELECT i FROM generate_series(1, {0}) AS i").format(count)
    server.sql(f"CREATE TABLE t (n BIGINT PRIMARY KEY); INSERT INTO t {series}")
    proxy = Chaos(server.server.port)
    proxy.fault = Fault(rate=400000)
    weir = box.weir(table(server, proxy.port, "t", "n BIGINT", ", 'scan.fetch-size' = '1000'") +
                    "CREATE TABLE p (n BIGINT, least BIGINT, most BIGINT) WITH ('connector' = 'print');\n"
                    "SET 'execution.runtime-mode' = 'batch';\n"
                    "INSERT INTO p SELECT COUNT(*), MIN(n), MAX(n) FROM t;\n").start()
    wait_until(lambda: metric(weir, "weir_source_records_total") > 1000, "rows", process=weir)
    lose_answers(proxy, weir, 1)
    assert weir.wait(60) == 0, weir.log()
    assert f"+I[{count}, 1, {count}]" in weir.stdout(), weir.stdout()
    assert "trying again" in weir.stderr(), weir.log()
    proxy.close()


RECORD_BYTES = 16384


class TlsProxy(threading.Thread):
    """Speaks TLS to a client of PostgreSQL, in records as large as they may be, and nothing to the server."""

    def __init__(self, box, port):
        super().__init__(daemon=True)
        key, cert = box.path("key.pem"), box.path("cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(cert, key)
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        with contextlib.suppress(OSError):
            client.recv(8)  # the wish for TLS
            client.sendall(b"S")
            client = self.tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self.target))
            while True:
                ready = [client] if client.pending() else select.select([client, server], [], [])[0]
                for one, other in ((client, server), (server, client)):
                    if one in ready:
                        data = one.recv(RECORD_BYTES)
                        while one is server and 0 < len(data) < RECORD_BYTES and select.select([one], [], [], 0.01)[0]:
                            more = one.recv(RECORD_BYTES - len(data))
                            if not more:
                                break
                            data += more
                        if not data:
                            other.close()
                            return
                        other.sendall(data)


def test_rows_that_are_wider_than_what_is_read_at_once_come_over_tls(box):
    server = Pg(box)
    server.sql("CREATE TABLE t (n BIGINT PRIMARY KEY, v TEXT);"
               "INSERT INTO t SELECT i, repeat('x', 9600) FROM generate_series(1, 3000) AS i")
    proxy = TlsProxy(box, server.server.port)
    done = finish(box.weir(), f"CREATE TABLE t (n BIGINT, v STRING) WITH ('connector' = 'jdbc', 'url' = "
                  f"'jdbc:postgresql://127.0.0.1:{proxy.port}/weir?sslmode=require&socketTimeout=3', 'username' = "
                  "'weir', 'password' = 'weir-secret', 'table-name' = 't', 'scan.fetch-size' = '50');\n"
                  "CREATE TABLE p (n BIGINT, most INT) WITH ('connector' = 'print');\n"
                  "SET 'execution.runtime-mode' = 'batch';\n"
                  "INSERT INTO p SELECT COUNT(*), MIN(CHAR_LENGTH(v)) FROM t;\n")
    assert printed(done.stdout) == ["+I[3000, 9600]"], done.stdout
    assert "trying again" not in done.stderr, done.stderr


main()
