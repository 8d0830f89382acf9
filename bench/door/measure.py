"""Records by HTTP, each acknowledged when it is on the disk."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

import harness as h

BATCH = 500
TARGET = 200_000  # records a second
CONNECTIONS = 16
REQUESTS = re.compile(r"Requests/sec:\s+([\d.]+)")
ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


def reading(number):
    return (f'{{"sensor":"s-{number * 37 % 10000:05d}","ts":"2026-01-01T00:{number % 60:02d}:07.{number * 7 % 1000:03d}Z",'
            f'"temperature":{15 + number % 20}.{number % 10},"humidity":{30 + number % 50},"ok":true}}')


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Hub:
    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen([str(h.WEIR), "hub", "--listen", "127.0.0.1:0", "--http",
                                         f"127.0.0.1:{self.port}", "--partitions", "4", "--data-dir", folder],
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            assert time.monotonic() < deadline and self.process.poll() is None, "the hub does not listen"
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0


def post(folder, port, body, seconds):
    """Requests a second, by wrk with one thread."""
    script = os.path.join(folder, "post.lua")
    with open(script, "w", encoding="ascii") as out:
        out.write(f'wrk.method = "POST"\nwrk.body = [==[{body}]==]\n')
    output = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script,
                             f"http://127.0.0.1:{port}/v1/topics/readings/records"], check=True, text=True,
                            capture_output=True).stdout
    wrong = ERRORS.search(output)
    assert wrong is None, wrong[0]
    return float(REQUESTS.search(output)[1])


def write_and_sync(folder, body, seconds):
    """The same bodies by one who only writes and syncs: times a second."""
    data, count, until = body.encode(), 0, time.monotonic() + seconds
    file = os.open(os.path.join(folder, "plain"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while time.monotonic() < until:
        os.write(file, data)
        os.fdatasync(file)
        count += 1
    os.close(file)
    return count / seconds


def measure(report):
    seconds = 2 if h.IS_QUICK else 8
    h.DATA.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(dir=h.DATA)
    report.section("Records by HTTP", f"JSON readings of about 110 B, by wrk with {CONNECTIONS} connections on the "
                   "same two cores, each checked and acknowledged when it is on the disk; against a program that "
                   "writes the same bodies and calls fdatasync after each.")
    try:
        for records in (BATCH, 1):
            body = "[" + ",".join(reading(i) for i in range(records)) + "]"
            hub = Hub(os.path.join(folder, f"hub-{records}"))
            try:
                rate = post(folder, hub.port, body, seconds)
            finally:
                hub.stop()
            plain = write_and_sync(folder, body, seconds / 4)
            report.measure(f"HTTP door, requests of {records}, against fdatasync of the same", rate * records,
                           "records/s", rate / plain)
            if records == BATCH:
                report.measure(f"HTTP door, requests of {records}, against {TARGET:,} a second", rate * records,
                               "records/s", rate * records / TARGET, 1)
    finally:
        shutil.rmtree(folder)
