"""A schema registry for tests, with the part of Confluent's API that writers and readers of records use: it
stands for Confluent's, which no package registry has. It can be out of order, refuse a subject, and ask
for a password, which a real one cannot be made to do at a given moment."""

import base64
import http.server
import json
import threading


class Registry:
    def __init__(self):
        self.schemas = {}   # by id
        self.subjects = {}  # name → ids, the versions in order
        self.requests = []
        self.is_down = False
        self.password = None  # "name:password"
        self.refused = set()  # subjects that take no other schema
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.handle(self, None)

            def do_POST(self):
                outer.handle(self, self.rfile.read(int(self.headers["content-length"])))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def put(self, subject, schema):
        """The id of the schema under the subject."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        for number, known in self.schemas.items():
            if json.loads(known) == json.loads(text):
                break
        else:
            number = 100 + len(self.schemas)
            self.schemas[number] = text
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def handle(self, request, body):
        self.requests.append(f"{request.command} {request.path}")
        status, answer = self.answer(request, body)
        data = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("content-type", "application/vnd.schemaregistry.v1+json")
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def answer(self, request, body):
        if self.is_down:
            return 503, {"error_code": 50302, "message": "not the leader"}
        if self.password:
            wanted = "Basic " + base64.b64encode(self.password.encode()).decode()
            if request.headers.get("authorization") != wanted:
                return 401, {"error_code": 401, "message": "Unauthorized"}
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["schemas", "ids"] and request.command == "GET":
            schema = self.schemas.get(int(parts[2]))
            if schema is None:
                return 404, {"error_code": 40403, "message": "Schema not found"}
            return 200, {"schema": schema}
        if parts[0] == "subjects" and parts[2:] == ["versions"] and request.command == "POST":
            if parts[1] in self.refused:
                return 409, {"error_code": 409, "message": "Schema being registered is incompatible with an "
                                                           "earlier schema"}
            return 200, {"id": self.put(parts[1], json.loads(body)["schema"])}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
