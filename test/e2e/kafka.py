"""A real Apache Kafka, one broker without ZooKeeper, on private ports and in a folder of its own.

    kafka = Kafka(box)                         # tools/kafka/setup has been run, else Skip
    kafka.address                              # "127.0.0.1:PORT"
    kafka.tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", kafka.address, "--list")

The tools take any server that speaks the protocol by its address."""

import pathlib
import shutil
import socket
import subprocess

from lib import Skip, TIME_SCALE, TOP, free_port, wait_until

HEAP = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def jars():
    """The class path of Kafka and its tools."""
    folders = sorted((TOP / ".deps" / "kafka").glob("*/ready"))
    if not folders or shutil.which("java") is None:
        raise Skip("tools/kafka/setup has not been run")
    return f"{folders[-1].parent}/*"


def tool(name, *arguments, stdin="", seconds=60.0):
    """Run a tool of Kafka's, by the name of its class, to the end: a CompletedProcess with text."""
    done = subprocess.run(["java", *HEAP, "-cp", jars(), name, *map(str, arguments)], input=stdin, text=True,
                          capture_output=True, timeout=seconds * TIME_SCALE, check=False)
    assert done.returncode == 0, (name, arguments, done.stdout[-4000:], done.stderr[-4000:])
    return done


# One more listener, by SASL, with access rules; the broker itself comes in by the plain one.
SECURE = """
listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://127.0.0.1:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
ssl.keystore.type=PEM
ssl.keystore.location={store}
connection.failed.authentication.delay.ms=0
"""


class Kafka:
    """`admin`: the password of a super user who logs in; `identity`: certificate and key for TLS."""

    def __init__(self, box, admin=None, identity=None, **properties):
        self.folder = pathlib.Path(box.path("kafka"))
        self.folder.mkdir()
        self.port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.config = self.folder / "server.properties"
        form, scram = PROPERTIES, []
        if admin is not None:
            self.sasl_port, self.tls_port = free_port(), free_port()
            store = self.folder / "store.pem"
            store.write_text("".join(pathlib.Path(path).read_text("ascii") for path in reversed(identity)))
            form += SECURE.format(port=self.port, sasl=self.sasl_port, tls=self.tls_port, controller=controller, store=store)
            for listener in ("sasl_plaintext", "sasl_ssl"):
                login = "org.apache.kafka.common.security"
                form += (f'listener.name.{listener}.plain.sasl.jaas.config={login}.plain.PlainLoginModule required '
                         f'user_admin="{admin}";\n')
                for kind in ("256", "512"):
                    form += (f"listener.name.{listener}.scram-sha-{kind}.sasl.jaas.config="
                             f"{login}.scram.ScramLoginModule required;\n")
            scram = [word for kind in ("256", "512")
                     for word in ("--add-scram", f"SCRAM-SHA-{kind}=[name=admin,password={admin}]")]
        more = "".join(f"{key}={value}\n" for key, value in properties.items())
        self.config.write_text(
            form.format(port=self.port, controller=controller, folder=self.folder) + more)
        tool("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", self.config, "--standalone", *scram)
        self.box, self.process, self.starts = box, None, 0
        self.start()

    def start(self):
        self.starts += 1
        self.process = self.box.process(
            f"kafka-{self.starts}", ["java", *HEAP, "-cp", jars(), "kafka.Kafka", self.config], cwd=self.folder)
        wait_until(self._answers, "Kafka to listen", 60, process=self.process)

    def _answers(self):
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def tool(self, name, *arguments, **more):
        return tool(name, *arguments, **more)
