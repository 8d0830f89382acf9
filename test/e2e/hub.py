"""The hub as a process, and clients of others: kcat (librdkafka), from Debian, and kafka-python, from
PyPI, installed into .deps/kafka-python when first needed."""

import fcntl
import json
import pathlib
import shutil
import subprocess
import sys

from lib import BINARY, TOP, Process, Skip, free_port, wait_until

CLIENT = TOP / ".deps" / "kafka-python"
REQUIREMENTS = pathlib.Path(__file__).parent / "kafka_python.txt"


def install():
    """kafka-python in an environment of its own; its Python."""
    CLIENT.parent.mkdir(exist_ok=True)
    wanted = REQUIREMENTS.read_text("utf-8")
    with open(CLIENT.with_name("kafka-python.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = CLIENT / "stamp"
        if not stamp.exists() or stamp.read_text("utf-8") != wanted:
            shutil.rmtree(CLIENT, ignore_errors=True)
            for argv in ([sys.executable, "-m", "venv", CLIENT],
                         [CLIENT / "bin" / "pip", "install", "-q", "--no-deps",
                          "--disable-pip-version-check", "-r", REQUIREMENTS]):
                done = subprocess.run(argv, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    raise AssertionError("could not install kafka-python:\n" + done.stdout
                                         + done.stderr)
            stamp.write_text(wanted, "utf-8")
    return CLIENT / "bin" / "python"


def python(address, script):
    """What a script prints as JSON; it finds the address in ADDRESS."""
    done = subprocess.run([install(), "-c", f"ADDRESS = {address!r}\n{script}"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Hub:
    """A hub on a free port, with its folder, that can be killed and started again."""

    def __init__(self, box, *flags, name="hub", env=None):
        self.folder = box.path(name)
        self.name = name
        self.box_folder = box.path("")
        self.flags = flags
        self.env = env
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def user(self, name, password=None):
        """A user, with a password that is made up if none is given; the password."""
        argv = [BINARY, "user", "create", name, "--data-dir", self.folder]
        done = subprocess.run(argv if password is None else [*argv, "--password-stdin"], input=password, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, done.stderr
        return password or done.stdout.strip()

    def launch(self):
        """Without waiting for it: it may not come up."""
        self.process = Process(self.name, self.box_folder,
                               [BINARY, "hub", "--listen", self.address, "--data-dir", self.folder,
                                *self.flags], env=self.env)
        return self.process

    def start(self):
        self.launch()
        said = len(self.process.stderr().split("hub at")) if self.process.err_path.exists() else 1
        wait_until(lambda: self.process.stderr().count("hub at") >= said or self.listens(),
                   "the hub to listen", process=self.process)
        return self

    def listens(self):
        import socket  # pylint: disable=import-outside-toplevel
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        code = self.process.stop()
        assert code == 0, self.process.log_tail()

    def kill(self):
        self.process.kill()

    def close(self):
        if self.process is not None and self.process.is_alive():
            self.process.kill()

    def kcat(self, *arguments, feed=None):
        """What kcat prints."""
        if shutil.which("kcat") is None:
            raise Skip("kcat is not installed")
        done = subprocess.run(["kcat", "-b", self.address, *map(str, arguments)], input=feed,
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"kcat {arguments}: {done.stderr}"
        return done.stdout

    def consume(self, topic, partition=0, offset="beginning", form="%o %k %s\\n"):
        return self.kcat("-C", "-t", topic, "-p", partition, "-o", offset, "-e", "-q", "-f", form)

    def python(self, script):
        return python(self.address, script)

    def fsck(self):
        done = subprocess.run([BINARY, "fsck", f"{self.folder}/hub", "--json"],
                              capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)
