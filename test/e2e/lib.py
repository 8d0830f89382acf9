"""What the end-to-end tests stand on: private servers, the weir program, and waiting.

A test is a file test/e2e/NAME_test.py with functions named test_SOMETHING, each taking a Box. Those
named soak_SOMETHING take long: they run with WEIR_SOAK=1 only.

    from lib import main

    def test_rows_arrive(box):
        '''Rows inserted while the job runs reach Redis.'''
        db = box.mariadb()
        redis = box.redis()
        db.sql("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY)")
        weir = box.weir(f"... 'port' = '{db.port}' ...").start("run", "pipeline.sql")
        wait_until(lambda: redis("HGET", "t:1", "id") == b"1", "row 1 in Redis")
        assert weir.stop() == 0, weir.log()

    main()

The Box is a temporary folder together with everything started in it; leaving the test stops all
of it, by process id. Ports are free ones, databases listen on the loopback only. Only Python's
standard library and Debian's mariadb, postgresql and redis programs are used.

Environment: WEIR_BINARY (default build/weir), WEIR_KEEP=1 keeps the folders of failed tests,
WEIR_TIME_SCALE multiplies every deadline (sanitizer builds are slow).
"""

import contextlib
import ctypes
import fcntl
import http.client
import inspect
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("WEIR_BINARY", TOP / "build" / "weir")).resolve()
CACHE = TOP / "build" / "e2e-cache"
TIME_SCALE = float(os.environ.get("WEIR_TIME_SCALE", "1"))
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Skip(Exception):
    """Raised by a test that cannot run here; says why. Counted, and never as passed."""


# ---------------------------------------------------------------- waiting, ports

def wait_until(condition, what, seconds=20.0, every=0.02, process=None):
    """Return the first true value of condition(). Fails loudly after `seconds`, or as soon as
    `process` (if given) has ended. An AssertionError inside the condition counts as not yet."""
    deadline = time.monotonic() + seconds * TIME_SCALE
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (AssertionError, OSError, http.client.HTTPException) as error:
            last = repr(error)
        if process is not None and not process.is_alive():
            raise AssertionError(
                f"{process.name} ended with {process.exit_code()} while waiting for {what}\n"
                + process.log_tail())
        if time.monotonic() > deadline:
            tail = "\n" + process.log_tail() if process is not None else ""
            raise AssertionError(f"waited {seconds:g} s for {what}; last seen: {last!r}{tail}")
        time.sleep(every)


def free_port():
    """A TCP port on the loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---------------------------------------------------------------- processes

def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child with its output in a file, that is stopped by its process id."""

    def __init__(self, name, folder, argv, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.argv = [str(part) for part in argv]
        self.out_path = pathlib.Path(folder) / f"{name}.out"
        self.err_path = pathlib.Path(folder) / f"{name}.err"
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen(
                self.argv, stdin=stdin, stdout=out, stderr=err, cwd=cwd,
                env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)
        self.pid = self.child.pid

    def is_alive(self):
        return self.child.poll() is None

    def exit_code(self):
        """None while it runs; as a shell says it: 128 + n when signal n ended it."""
        code = self.child.poll()
        return 128 - code if code is not None and code < 0 else code

    def send_signal(self, number):
        if self.is_alive():
            self.child.send_signal(number)

    def wait(self, seconds=30.0):
        """The exit code; the process is killed and the test fails if it does not end in time."""
        try:
            self.child.wait(seconds * TIME_SCALE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} did not end within {seconds:g} s\n{self.log_tail()}") from None
        return self.exit_code()

    def stop(self, number=signal.SIGTERM, seconds=30.0):
        self.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        self.send_signal(signal.SIGKILL)
        self.child.wait()

    def stdout(self):
        return self.out_path.read_text("utf-8", "replace")

    def stderr(self):
        return self.err_path.read_text("utf-8", "replace")

    def log_tail(self, lines=40):
        text = self.stdout()[-20000:] + self.stderr()[-20000:]
        return "\n".join(f"  {self.name}| {line}" for line in text.splitlines()[-lines:])

    def cpu_seconds(self):
        """Used so far, by all threads."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self, field="VmRSS"):
        """Resident memory now; with VmHWM the most there was. 0 when it has ended."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        return 0


# ---------------------------------------------------------------- MariaDB

_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


def _unescape(field):
    if field == "NULL":
        return None
    if "\\" not in field:
        return field
    text, at = [], 0
    while at < len(field):
        if field[at] == "\\" and at + 1 < len(field):
            text.append(_ESCAPES.get(field[at + 1], field[at + 1]))
            at += 2
        else:
            text.append(field[at])
            at += 1
    return "".join(text)


class MariaDB:
    """A private server: own data folder, own port and socket, binlog in ROW format.

    `root` without password over the socket; `weir`/`weir-secret` over TCP, with exactly the
    privileges a capture needs (SELECT, RELOAD, REPLICATION SLAVE, BINLOG MONITOR).
    `options` are further server options, such as binlog_row_image="MINIMAL"."""

    USER = "weir"
    PASSWORD = "weir-secret"

    def __init__(self, folder, **options):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        # A socket's path holds 107 bytes at most; deep folders do not fit.
        self.socket_folder = tempfile.mkdtemp(prefix="weir-db-")
        self.socket = os.path.join(self.socket_folder, "s")
        self.port = free_port()
        self.process = None
        self.sessions = []
        self.options = {
            "server_id": "1",
            "log_bin": "binlog",
            "binlog_format": "ROW",
            "binlog_row_image": "FULL",
            "innodb_buffer_pool_size": "32M",
            "innodb_log_file_size": "16M",
            "innodb_flush_log_at_trx_commit": "0",
            "sync_binlog": "0",
            "max_allowed_packet": "64M",
            "character_set_server": "utf8mb4",
            "collation_server": "utf8mb4_general_ci",
            "skip_name_resolve": "1",
            "performance_schema": "OFF",
            **options,
        }

    @staticmethod
    def _as_user():
        return ["--user=root"] if os.geteuid() == 0 else []

    @classmethod
    def _template(cls):
        """An empty data folder, made once and copied from then on: installing takes seconds.
        --force: it need not be able to look up its own name."""
        CACHE.mkdir(parents=True, exist_ok=True)
        made = CACHE / "mariadb"
        with open(CACHE / "mariadb.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (made / "done").exists():
                return made / "data"
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
            done = subprocess.run(
                ["mariadb-install-db", "--no-defaults", f"--datadir={made / 'data'}",
                 "--auth-root-authentication-method=normal", "--skip-test-db", "--force",
                 "--innodb-log-file-size=16M", *cls._as_user()],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise AssertionError("mariadb-install-db failed:\n" + done.stdout + done.stderr)
            (made / "done").touch()
        return made / "data"

    def _program(self):
        """The server and the options that it cannot do without."""
        return shutil.which("mariadbd") or "/usr/sbin/mariadbd", []

    def _make_account(self):
        self.sql("DELETE FROM mysql.global_priv WHERE User = ''; FLUSH PRIVILEGES;"
                 f"CREATE USER '{self.USER}'@'%' IDENTIFIED BY '{self.PASSWORD}';"
                 "GRANT SELECT, RELOAD, REPLICATION SLAVE, BINLOG MONITOR ON *.* "
                 f"TO '{self.USER}'@'%';")

    def start(self):
        """Start, or start again on the same data and the same port."""
        is_new = not self.data.exists()
        if is_new:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self._template(), self.data)
        # A server clears away what looks like left-overs in its temporary folder, also those of
        # the server next to it.
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        program, needed = self._program()
        argv = [program, "--no-defaults", *self._as_user(), f"--datadir={self.data}",
                f"--tmpdir={temporary}",
                f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--pid-file={self.folder / 'pid'}", "--skip-slave-start", *needed,
                *(f"--{name}={value}" for name, value in self.options.items())]
        self.process = Process(pathlib.Path(program).name, self.folder, argv)
        wait_until(lambda: self._try("SELECT 1") is not None, f"{self.process.name} to answer", 60,
                   process=self.process)
        if is_new:
            self._make_account()
        return self

    def _client(self, database, *more):
        return ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root",
                "--default-character-set=utf8mb4", "--batch", *more,
                *([database] if database else [])]

    def _try(self, text):
        done = subprocess.run(self._client(None, "--skip-column-names"), input=text.encode(),
                              capture_output=True, check=False)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    def sql(self, text, database=None):
        """Run one or more statements (as root); the rows of all of them as lists of str or None.
        The text NULL and the value NULL look alike here; select `x IS NULL` where it matters."""
        data = text if isinstance(text, bytes) else text.encode()
        done = subprocess.run(self._client(database, "--skip-column-names"), input=data,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{self.process.name} refused:\n" + done.stderr.decode("utf-8", "replace"))
        lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]
        return [[_unescape(field) for field in line.split("\t")] for line in lines]

    def value(self, text, database=None):
        """The first column of the first row."""
        return self.sql(text, database)[0][0]

    def script(self, path, database=None):
        """Run a file of SQL."""
        with open(path, "rb") as file:
            self.sql(file.read(), database)

    def session(self, database=None):
        """A connection that stays open, for transactions that last: see Session."""
        session = Session(self._client(database, "--skip-column-names", "--unbuffered", "--force"))
        self.sessions.append(session)
        return session

    def stop(self):
        self._close_sessions()
        if self.process is not None and self.process.is_alive():
            self.process.stop(signal.SIGTERM, 60)

    def kill(self):
        """As the power cut does it."""
        self._close_sessions()
        if self.process is not None:
            self.process.kill()

    def _close_sessions(self):
        for session in self.sessions:
            session.close()
        self.sessions = []

    def close(self):
        self._close_sessions()
        if self.process is not None and self.process.is_alive():
            # Nothing of it is wanted any more, so there is no point in a clean shutdown.
            self.process.kill()
        shutil.rmtree(self.socket_folder, ignore_errors=True)


# ---------------------------------------------------------------- PostgreSQL

class Postgres:
    """A private server: own data folder, own port and socket. `weir`/`weir-secret` over TCP owns
    database `weir`. The server refuses to be root, so root starts it as another user."""

    USER = "weir"
    PASSWORD = "weir-secret"

    def __init__(self, folder, **options):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.socket_folder = tempfile.mkdtemp(prefix="weir-pg-")
        self.port = free_port()
        self.process = None
        self.options = {
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "30",
            "max_wal_size": "64MB",
            "dynamic_shared_memory_type": "mmap",
            "timezone": "UTC",
            **options,
        }

    @staticmethod
    def _program(name):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        found = str(found[-1]) if found else shutil.which(name)
        if not found:
            raise Skip(f"{name} of PostgreSQL is not installed")
        return found

    @staticmethod
    def _as_user():
        """The start of a command line that is not root. The process still dies with its parent."""
        if os.geteuid() != 0:
            return []
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                "--pdeathsig=KILL", "--"]

    @staticmethod
    def _give(folder):
        """To the user that the server runs as: it may enter what is above and owns what is below."""
        if os.geteuid() != 0:
            return
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")

    @classmethod
    def _template(cls):
        """An empty data folder, made once and copied from then on."""
        CACHE.mkdir(parents=True, exist_ok=True)
        made = CACHE / "postgres"
        with open(CACHE / "postgres.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (made / "done").exists():
                return made / "data"
            shutil.rmtree(made, ignore_errors=True)
            # The user may not reach this folder, wherever it is; the temporary one it can.
            with tempfile.TemporaryDirectory(prefix="weir-initdb-") as temporary:
                home = pathlib.Path(temporary)
                cls._give(home)
                done = subprocess.run(
                    [*cls._as_user(), cls._program("initdb"), "-D", home / "data", "-U", cls.USER,
                     "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8",
                     "--locale=C.UTF-8", "--no-sync"],
                    capture_output=True, text=True, check=False, cwd=home)
                if done.returncode != 0:
                    raise AssertionError("initdb failed:\n" + done.stdout + done.stderr)
                shutil.copytree(home / "data", made / "data")
            (made / "done").touch()
        return made / "data"

    def start(self):
        """Start, or start again on the same data and the same port."""
        is_new = not self.data.exists()
        if is_new:
            template = self._template()
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o755)
            self.folder.parent.chmod(0o755)
            shutil.copytree(template, self.data)
            self.data.chmod(0o700)
            self._give(self.data)
            self._give(pathlib.Path(self.socket_folder))
        argv = [*self._as_user(), self._program("postgres"), "-D", self.data, "-p", self.port,
                "-k", self.socket_folder, "-h", "127.0.0.1"]
        for name, value in self.options.items():
            argv += ["-c", f"{name}={value}"]
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self.process = Process("postgres", self.folder, argv, cwd="/")
        wait_until(lambda: self._psql("SELECT 1", "postgres").returncode == 0,
                   "PostgreSQL to answer", 60, process=self.process)
        if is_new:
            self.sql(f"ALTER USER {self.USER} PASSWORD '{self.PASSWORD}'", "postgres")
            self.sql("CREATE DATABASE weir", "postgres")
        return self

    def _psql(self, text, database):
        argv = [self._program("psql"), "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                "-h", self.socket_folder, "-p", self.port, "-U", self.USER, "-d", database]
        return subprocess.run([str(part) for part in argv], input=text.encode(),
                              capture_output=True, check=False)

    def sql(self, text, database="weir"):
        """Run one or more statements; the rows of all of them as lists of str."""
        done = self._psql(text, database)
        if done.returncode != 0:
            raise AssertionError("PostgreSQL refused:\n" + done.stderr.decode("utf-8", "replace"))
        return [line.split("\t") for line in done.stdout.decode().splitlines()]

    def value(self, text, database="weir"):
        """The first column of the first row."""
        return self.sql(text, database)[0][0]

    def stop(self):
        if self.process is not None and self.process.is_alive():
            self.process.stop(signal.SIGINT, 60)

    def kill(self):
        """At once, without asking those who are connected."""
        if self.process is not None and self.process.is_alive():
            self.process.stop(signal.SIGQUIT, 60)

    def crash(self):
        """All its processes at once, by force."""
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                stat = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                if int(stat[1]) == self.pid:
                    os.kill(int(folder.name), signal.SIGKILL)
        self.process.kill()

    @property
    def pid(self):
        return self.process.pid

    def close(self):
        self.kill()
        shutil.rmtree(self.socket_folder, ignore_errors=True)


class Session:
    """One open connection: statements are written as they come; `sync` waits until all ran."""

    def __init__(self, argv):
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, preexec_fn=_die_with_parent)
        self.marks = 0

    def send(self, text):
        self.child.stdin.write(text.encode() + b";\n")

    def sync(self):
        """Wait until the server has run everything sent; the lines it answered meanwhile."""
        self.marks += 1
        mark = f"-- mark {self.marks}"
        self.send(f"SELECT '{mark}'")
        self.child.stdin.flush()
        lines = []
        while True:
            line = self.child.stdout.readline()
            if not line:
                raise AssertionError("the connection to MariaDB ended")
            text = line.decode("utf-8", "replace").rstrip("\n")
            if text == mark:
                return lines
            lines.append(text)

    def run(self, text):
        self.send(text)
        return self.sync()

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            with contextlib.suppress(OSError):
                stream.close()


# ---------------------------------------------------------------- Redis

class RedisError(Exception):
    """An error reply."""


class Redis:
    """A private Redis and one client connection to it. Call it with a command:
    redis("HGETALL", "k") gives bytes, int, list or None; an error reply raises RedisError.
    `options` are further server options, such as requirepass="x"."""

    def __init__(self, folder, **options):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.options = options
        self.process = None
        self.stream = None

    def start(self):
        """Start, or start again on the same port, with what it had saved (nothing by default)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder,
                "--daemonize", "no", "--save", "", "--appendonly", "no"]
        for name, value in self.options.items():
            argv += ["--" + name.replace("_", "-"), value]
        self.process = Process("redis", self.folder, argv)
        wait_until(self._answers, "Redis to answer", 20, process=self.process)
        return self

    def _answers(self):
        try:
            return self("PING") == b"PONG"
        except RedisError:
            return True

    def __call__(self, *parts):
        return self.pipeline([parts])[0]

    def pipeline(self, commands):
        """Send many commands at once; their answers in order."""
        if self.stream is None:
            link = socket.create_connection(("127.0.0.1", self.port), 10 * TIME_SCALE)
            self.stream = link.makefile("rwb")
            link.close()
            if "requirepass" in self.options:
                self("AUTH", self.options["requirepass"])
        try:
            for parts in commands:
                self.stream.write(self._encode(parts))
            self.stream.flush()
            answers = [self._answer() for _ in commands]
        except OSError:
            self.disconnect()
            raise
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    @staticmethod
    def _encode(parts):
        words = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)

    def _answer(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        count = int(rest)
        if kind == b"$":
            return None if count < 0 else self.stream.read(count + 2)[:-2]
        assert kind == b"*", line
        return None if count < 0 else [self._answer() for _ in range(count)]

    def hash(self, key):
        """A hash as a dict of text."""
        flat = [word.decode("utf-8", "surrogateescape") for word in self("HGETALL", key)]
        return dict(zip(flat[::2], flat[1::2]))

    def keys(self, pattern="*"):
        return sorted(key.decode("utf-8", "surrogateescape") for key in self("KEYS", pattern))

    def disconnect(self):
        if self.stream is not None:
            with contextlib.suppress(OSError):
                self.stream.close()
            self.stream = None

    def stop(self):
        self.disconnect()
        if self.process is not None and self.process.is_alive():
            self.process.stop()

    def kill(self):
        self.disconnect()
        if self.process is not None:
            self.process.kill()

    close = kill


# ---------------------------------------------------------------- weir

class Weir:
    """The program in a folder of its own: pipelines, data (--data-dir) and output lie there."""

    def __init__(self, folder, pipeline=None):
        if not BINARY.exists():
            raise Skip(f"{BINARY} is not built")
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "weir-data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.runs = 0
        if pipeline is not None:
            self.write("pipeline.sql", pipeline)

    def path(self, name):
        return self.folder / name

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def call(self, *arguments, env=None, stdin=b"", seconds=60.0):
        """Run to the end: a CompletedProcess with text in stdout and stderr."""
        done = subprocess.run([str(BINARY), *map(str, arguments)], input=stdin, cwd=self.folder,
                              capture_output=True, timeout=seconds * TIME_SCALE, check=False,
                              env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        return done

    def start(self, *arguments, env=None):
        """Start in the background; `run` gets this folder's --data-dir and listens on self.url,
        unless told otherwise. Without arguments: run pipeline.sql."""
        arguments = list(arguments) or ["run", "pipeline.sql"]
        if arguments[0] == "run" and "--data-dir" not in arguments:
            arguments += ["--data-dir", self.data]
        if arguments[0] == "run" and "--listen" not in arguments:
            arguments += ["--listen", f"127.0.0.1:{self.port}"]
        assert self.process is None or not self.process.is_alive(), "weir runs already"
        self.runs += 1
        self.process = Process(f"weir-{self.runs}", self.folder, [BINARY, *arguments], env=env,
                               cwd=self.folder)
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def name(self):
        return self.process.name

    def is_alive(self):
        return self.process is not None and self.process.is_alive()

    def exit_code(self):
        return self.process.exit_code()

    def wait(self, seconds=30.0):
        return self.process.wait(seconds)

    def stop(self, number=signal.SIGTERM, seconds=30.0):
        """Ask it to end; the exit code."""
        return self.process.stop(number, seconds)

    def kill(self):
        self.process.kill()

    def stdout(self):
        return self.process.stdout()

    def stderr(self):
        return self.process.stderr()

    def log_tail(self, lines=40):
        return self.process.log_tail(lines)

    def log(self):
        return self.log_tail(200)

    def memory_bytes(self, field="VmRSS"):
        return self.process.memory_bytes(field)

    def close(self):
        if self.is_alive():
            self.process.kill()


# ---------------------------------------------------------------- HTTP

class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def http_get(url, headers=None, method="GET", body=None, seconds=10.0):
    """Ask; every status is an answer, only a failing connection raises (OSError)."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=seconds * TIME_SCALE) as answer:
            return Response(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, error.headers, error.read())


def http_json(url, status=200, **more):
    answer = http_get(url, **more)
    assert answer.status == status, (url, answer.status, answer.body[:500])
    return answer.json()


def sse_events(url, headers=None, seconds=20.0):
    """The server-sent events of a stream, as dicts of its fields (`data` joined by newlines);
    ends after `seconds` without a line."""
    request = urllib.request.Request(url, headers={"Accept": "text/event-stream",
                                                   **(headers or {})})
    with urllib.request.urlopen(request, timeout=seconds * TIME_SCALE) as answer:
        event = {}
        try:
            for line in answer:
                text = line.decode().rstrip("\r\n")
                if not text:
                    if event:
                        yield event
                    event = {}
                elif not text.startswith(":"):
                    field, _, value = text.partition(":")
                    value = value.removeprefix(" ")
                    event[field] = f"{event[field]}\n{value}" if field in event else value
        except TimeoutError:
            return


# ---------------------------------------------------------------- the box, and running

class Box:
    """The folder of one test and all that it started there."""

    def __init__(self, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"weir-{name}-"))
        self.things = []

    def keep(self, thing):
        """Have it closed with the box."""
        self.things.append(thing)
        return thing

    def path(self, name):
        return self.folder / name

    def mariadb(self, **options):
        """A started MariaDB."""
        return self.keep(MariaDB(self.path(f"mariadb-{len(self.things)}"), **options)).start()

    def postgres(self, **options):
        """A started PostgreSQL."""
        return self.keep(Postgres(self.path(f"postgres-{len(self.things)}"), **options)).start()

    def redis(self, **options):
        """A started Redis."""
        return self.keep(Redis(self.path(f"redis-{len(self.things)}"), **options)).start()

    def weir(self, pipeline=None):
        """A folder for weir, with the text of pipeline.sql; not started."""
        return self.keep(Weir(self.path(f"weir-{len(self.things)}"), pipeline))

    def process(self, name, argv, **more):
        return self.keep(Process(name, self.folder, argv, **more))

    def close(self, keep):
        for thing in reversed(self.things):
            with contextlib.suppress(ProcessLookupError):
                thing.kill() if isinstance(thing, Process) else thing.close()
        if keep:
            print(f"     kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def _run_one(name, test):
    """'passed', 'failed' or 'skipped', after printing the line that says so."""
    box = Box(name)
    began = time.monotonic()
    result, note = "failed", ""
    try:
        test(box)
        result = "passed"
    except Skip as reason:
        result, note = "skipped", f" ({reason})"
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        for thing in box.things:
            process = thing if isinstance(thing, Process) else thing.process
            if process is not None and not isinstance(thing, (MariaDB, Postgres, Redis)):
                print(process.log_tail())
    finally:
        box.close(keep=os.environ.get("WEIR_KEEP") == "1" and result == "failed")
    took = time.monotonic() - began
    print(f"{ {'passed': 'ok  ', 'failed': 'FAIL', 'skipped': 'skip'}[result]} "
          f"{name} {took:.1f}s{note}", flush=True)
    return result


def main():
    """Run the calling file's test_* functions, or those whose names hold an argument; close on
    the count and exit accordingly."""
    caller = inspect.currentframe().f_back.f_globals
    if caller["__name__"] != "__main__":
        return
    # A stop from outside must unwind, so that the servers are stopped and the folders removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    count = {"passed": 0, "failed": 0, "skipped": 0}
    wanted = sys.argv[1:]
    kinds = ("test_", "soak_") if os.environ.get("WEIR_SOAK") else ("test_",)
    for name, test in list(caller.items()):
        if name.startswith(kinds) and (not wanted or any(word in name for word in wanted)):
            count[_run_one(name.partition("_")[2], test)] += 1
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}", flush=True)
    sys.exit(1 if count["failed"] or not any(count.values()) else 0)
