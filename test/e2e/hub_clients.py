"""The programs of test/clients, run against a server, and what they print."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess

from hub import install
from lib import TIME_SCALE, TOP

CLIENTS = TOP / "test" / "clients"
ANSWERS = CLIENTS / "answers.json"
PYTHON = ("kafka_python", "confluent", "kcat")
SECURE = ("access", "secure_tools")  # of a server with access rules; they come in as its super user
ADMIN = "admin-secret"


def admin_of(protocol="SASL_PLAINTEXT"):
    """The super user, as `security` of `ask`."""
    return {"security.protocol": protocol, "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "admin", "sasl.password": ADMIN}


def _classpath():
    from kafka import jars  # pylint: disable=import-outside-toplevel
    return jars()


def _java(folder):
    classes = pathlib.Path(folder) / "classes"
    if not classes.exists():
        subprocess.run(["javac", "-cp", _classpath(), "-d", classes, CLIENTS / "Matrix.java"], check=True)
    return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{classes}:{_classpath()}", "Matrix"]


def _kafkajs():
    """kafkajs, installed into .deps/kafkajs when first needed."""
    folder = TOP / ".deps" / "kafkajs"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name("kafkajs.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (CLIENTS / "package.json").read_text("utf-8")
        stamp = folder / "stamp"
        if not stamp.exists() or stamp.read_text("utf-8") != wanted:
            shutil.copy(CLIENTS / "package.json", folder)
            done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder],
                                  capture_output=True, text=True, check=False)
            assert done.returncode == 0, "could not install kafkajs:\n" + done.stdout + done.stderr
            stamp.write_text(wanted, "utf-8")
    return folder / "node_modules"


def argv_of(client, folder):
    """The command without the address."""
    if client in (*PYTHON, *SECURE):
        return [install(), CLIENTS / f"{client}.py"]
    if client == "java":
        return _java(folder)
    if client == "kafkajs":
        return ["node", CLIENTS / "kafkajs.js"]
    return [install(), CLIENTS / "tools.py"]


def ask(client, address, folder, seconds=300, security=None):
    """{scenario: result}; `security`: properties in librdkafka's words."""
    more = [_classpath()] if client.endswith("tools") else []
    env = {**os.environ, "SECURITY": json.dumps(security or {})}
    if client == "kafkajs":
        env["NODE_PATH"] = str(_kafkajs())
    done = subprocess.run([*map(str, argv_of(client, folder)), address, *more], capture_output=True, text=True,
                          check=False, timeout=seconds * TIME_SCALE, env=env)
    assert done.returncode == 0, f"{client}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.strip().splitlines()[-1])


def differences(wanted, found, place=""):
    """Where two results differ, as lines."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = [*wanted, *(key for key in found if key not in wanted)]
        return [line for key in keys
                for line in differences(wanted.get(key), found.get(key), f"{place}.{key}" if place else key)]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [line for i, (a, b) in enumerate(zip(wanted, found)) for line in differences(a, b, f"{place}[{i}]")]
    return [] if wanted == found else [f"{place}: {json.dumps(wanted)[:400]}, not {json.dumps(found)[:400]}"]
