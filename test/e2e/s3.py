"""A private S3 server, and a proxy in front of it that misbehaves on demand.

The server is moto, from PyPI, installed into .deps/moto when first needed (test/e2e/moto.txt pins
it). It checks every signature with botocore, the client library of AWS itself, which also serves
as the second opinion about what is in a bucket.
"""

import collections
import fcntl
import http.client
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse

from lib import BINARY, TOP, Process, Skip, free_port, http_get, wait_until

MOTO = TOP / ".deps" / "moto"
REQUIREMENTS = pathlib.Path(__file__).parent / "moto.txt"
STORE = BINARY.parent / "test" / "store" / "store"
PART = 8 * 1024 * 1024  # PART_BYTES of src/store/s3.c
TRIES = 7  # TRIES_MAX of src/store/s3_client.c


def install():
    """moto in an environment of its own; takes half a minute the first time."""
    MOTO.parent.mkdir(exist_ok=True)
    wanted = REQUIREMENTS.read_text("utf-8")
    with open(MOTO.with_name("moto.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = MOTO / "stamp"
        if stamp.exists() and stamp.read_text("utf-8") == wanted:
            return
        shutil.rmtree(MOTO, ignore_errors=True)
        for argv in ([sys.executable, "-m", "venv", MOTO],
                     [MOTO / "bin" / "pip", "install", "-q", "--no-deps",
                      "--disable-pip-version-check", "-r", REQUIREMENTS]):
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise AssertionError("could not install moto:\n" + done.stdout + done.stderr)
        stamp.write_text(wanted, "utf-8")


class S3:
    """A server with the bucket `weir` and one user, who may do everything with S3."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.bucket = "weir"
        self.process = self.access_key = self.secret_key = None

    def start(self):
        install()
        self.folder.mkdir(parents=True, exist_ok=True)
        # As many requests as prepare() makes go without a signature, and all after them with one.
        self.process = Process("moto", self.folder,
                               [MOTO / "bin" / "moto_server", "-H", "127.0.0.1", "-p", self.port],
                               env={"INITIAL_NO_AUTH_ACTION_COUNT": "4"})
        wait_until(self._answers, "moto to answer", 60, process=self.process)
        self._prepare()
        return self

    def _answers(self):
        try:
            return http_get(self.url + "/moto-api/").status == 200
        except OSError:
            return False

    def _ask(self, service, path="/", method="POST", **fields):
        scope = f"AWS4-HMAC-SHA256 Credential=none/20240101/us-east-1/{service}/aws4_request, " \
                "SignedHeaders=host, Signature=none"
        body = urllib.parse.urlencode(fields).encode() if fields else None
        said = http_get(self.url + path, {"Authorization": scope}, method, body)
        assert said.status == 200, said.body
        return said.text()

    def _prepare(self):
        version = "2010-05-08"
        policy = {"Version": "2012-10-17",
                  "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
        self._ask("iam", Action="CreateUser", UserName="weir", Version=version)
        self._ask("iam", Action="PutUserPolicy", UserName="weir", PolicyName="s3",
                  PolicyDocument=json.dumps(policy), Version=version)
        keys = self._ask("iam", Action="CreateAccessKey", UserName="weir", Version=version)
        self.access_key = re.search("<AccessKeyId>(.*?)</AccessKeyId>", keys)[1]
        self.secret_key = re.search("<SecretAccessKey>(.*?)</SecretAccessKey>", keys)[1]
        self._ask("s3", f"/{self.bucket}", "PUT")

    def environment(self, url=None):
        """What a program needs to know to come here, or through a proxy at `url`."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_ENDPOINT_URL": url or self.url, "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true"}

    def boto(self, expression):
        """What boto3 says: an expression over its client `s3`, as JSON and back."""
        program = ("import boto3, json, os; s3 = boto3.client('s3', "
                   "endpoint_url=os.environ['AWS_ENDPOINT_URL']); "
                   f"print(json.dumps({expression}, default=str))")
        done = subprocess.run([MOTO / "bin" / "python", "-c", program], text=True, check=False,
                              capture_output=True, env=self.environment())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def keys(self, prefix=""):
        return self.boto("[o['Key'] for p in s3.get_paginator('list_objects_v2').paginate("
                         f"Bucket='{self.bucket}', Prefix={prefix!r}) "
                         "for o in p.get('Contents', [])]")

    def kill(self):
        self.process.kill()

    close = kill


# ---------------------------------------------------------------- a proxy

Request = collections.namedtuple("Request", "method path headers body")


def answer(xml, status=200, **headers):
    """In place of the server."""
    body = xml.encode()

    def act(handler, request, forward):  # pylint: disable=unused-argument
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if request.method != "HEAD":
            handler.wfile.write(body)
    return act


def refuse(status, code, **headers):
    """Answer as S3 refuses."""
    return answer("<?xml version='1.0'?><Error><Code>" + code + "</Code>"
                  "<Message>as planned</Message></Error>", status, **headers)


def cut_before(handler, request, forward):  # pylint: disable=unused-argument
    """The connection breaks before the server has heard anything."""
    handler.close_connection = True


def cut_after(handler, request, forward):  # pylint: disable=unused-argument
    """The server has done it, but its answer is lost."""
    forward()
    handler.close_connection = True


def cut_body(keep):
    """The answer breaks off behind `keep` bytes of its body."""
    def act(handler, request, forward):  # pylint: disable=unused-argument
        came, body = forward()
        handler.reply(came, body, body[:keep])
        handler.close_connection = True
    return act


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _forward(self, request):
        host, _, port = self.server.upstream.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.putrequest(request.method, request.path, skip_host=True,
                              skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() != "proxy-connection":
                connection.putheader(name, value)
        connection.endheaders(request.body)
        came = connection.getresponse()
        body = came.read()
        connection.close()
        return came, body

    def reply(self, came, body, sent):
        self.send_response_only(came.status, came.reason)
        for name, value in came.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = came.getheader("Content-Length", "0") if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(sent)

    def _any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # To a proxy curl names the whole address.
        path = re.sub("^http://[^/]*", "", self.path)
        request = Request(self.command, path, self.headers, body)
        action = self.server.owner.action_for(request)
        if action is None:
            came, content = self._forward(request)
            self.reply(came, content, content)
        else:
            action(self, request, lambda: self._forward(request))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Programs that are killed leave broken connections behind."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Proxy:
    """Between a program and an S3 server. `plan(METHOD, TEXT, actions…)` lets the next requests of
    that method whose path has that text fail in turn; all other requests pass. `context` is an
    ssl.SSLContext for https."""

    def __init__(self, upstream, context=None):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.owner = self
        self.server.upstream = upstream.removeprefix("http://")
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}"
        self.requests = []
        self.plans = []
        self.lock = threading.Lock()
        self.process = None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def plan(self, method, text, *actions):
        self.requests.clear()
        self.plans = [(method, text, list(actions))]

    def action_for(self, request):
        with self.lock:
            self.requests.append(request)
            for method, text, actions in self.plans:
                if request.method == method and text in request.path and actions:
                    return actions.pop(0)
        return None

    def count(self, method, text=""):
        return sum(r.method == method and text in r.path for r in self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# ---------------------------------------------------------------- the store by hand

class Store:
    """test/store/store on one location. Everything it prints is searched for the secret key."""

    def __init__(self, s3, location="s3://weir/some/prefix", url=None, **environment):
        if not STORE.exists():
            raise Skip(f"{STORE} is not built")
        self.s3 = s3
        self.location = location
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent",
                            **s3.environment(url), **environment}

    def run(self, *arguments, stdin=b""):
        done = subprocess.run([STORE, self.location, *map(str, arguments)], input=stdin,
                              capture_output=True, timeout=120, check=False,
                              env=self.environment)
        assert self.s3.secret_key.encode() not in done.stdout + done.stderr
        return done

    def __call__(self, *arguments, stdin=b""):
        """What it prints; it must succeed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout

    def error(self, *arguments, stdin=b""):
        """What it says when it fails, as it must: code, text and hint."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 1, (arguments, done.stdout, done.stderr.decode())
        return done.stderr.decode()

    def names(self, prefix=""):
        return self("list", prefix).decode().splitlines()
