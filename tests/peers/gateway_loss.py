"""What the official ThingsBoard gateway loses over graceful restarts of the platform's broker.

    python3 tests/peers/gateway_loss.py --install     once: two venvs in target/peers, from PyPI
    python3 tests/peers/gateway_loss.py               one run, about 70 seconds, one line
    python3 tests/peers/gateway_loss.py --restarts 0  the control: the same without restarts

Numbered readings go into one mosquitto; the gateway's MQTT connector takes them from there, keeps them in its SQLite
storage and sends them with QoS 1 to a second mosquitto, on which a small client answers as ThingsBoard would. A
subscriber whose session that broker keeps on disk writes down what arrives. Only the second broker is restarted: SIGTERM,
some time away, started again on the same port with what it had saved. Needs mosquitto 2; everything is on 127.0.0.1.
"""
import argparse
import collections
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PEERS = Path(__file__).resolve().parents[2] / "target" / "peers"
# The gateway's fork of paho-mqtt owns the same package as paho-mqtt itself, so they cannot share a venv.
GATEWAY = PEERS / "tbgw"
PAHO = PEERS / "paho"
VENVS = (
    (GATEWAY, "thingsboard_gateway.tb_gateway", "thingsboard-gateway==3.8.3"),
    (PAHO, "paho.mqtt.client", "paho-mqtt==2.1.0"),
)
# ThingsBoard sends no client its own messages; a broker does to who subscribed. The gateway, whose user name is its token,
# may read only what the platform answers.
ACCESS = """topic readwrite #
user token
topic write #
topic read v1/devices/me/rpc/response/+
topic read v1/devices/me/attributes/response/+
topic read v1/gateway/attributes/response
"""
SOURCE_TOPIC = "readings"
DEVICE = "M-1"
KEY = "n"
START_SECONDS = 120
SETTLE_SECONDS = 300


def python(venv):
    return str(venv / "bin" / "python")


def has(venv, module):
    # Looked up, not imported: the gateway's client library installs packages when it is imported.
    look = "import importlib.util as u, sys; sys.exit(not u.find_spec(sys.argv[1]))"
    try:
        return subprocess.run([python(venv), "-c", look, module], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def install():
    for venv, module, package in VENVS:
        if not has(venv, module):
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            pip = [python(venv), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
            subprocess.run(pip, check=True)
        print(f"{package}: {venv.relative_to(PEERS.parent.parent)}")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Process:
    """A child that is ended by its own id, gently first."""

    def __init__(self, command, log, **options):
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)

    def check(self):
        if self.child.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.child.args[0]} ended with {self.child.returncode}:\n{tail}")

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(10)


class Broker:
    def __init__(self, folder, name, access="topic readwrite #\n"):
        self.port = free_port()
        self.log = folder / f"{name}.log"
        rules = folder / f"{name}.acl"
        rules.write_text(access)
        rules.chmod(0o600)
        self.config = folder / f"{name}.conf"
        store = folder / name
        store.mkdir()
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            f"acl_file {rules}\n"
            # Started by root, mosquitto would become a user who may not write here.
            f"user {pwd.getpwuid(os.getuid()).pw_name}\n"
            "persistence true\n"
            f"persistence_location {store}/\n"
            # No reading may be lost because a queue of the broker is full.
            "max_queued_messages 0\n"
        )
        self.process = None

    def start(self):
        mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if mosquitto is None:
            sys.exit("mosquitto is missing: apt-get install mosquitto")
        self.process = Process([mosquitto, "-c", str(self.config)], self.log)
        until = time.monotonic() + 10
        while True:
            self.process.check()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def end(self):
        if self.process is not None:
            self.process.end()


class Platform:
    """What the gateway needs of ThingsBoard, and a record of the telemetry: clients with sessions the broker keeps."""

    LIMITS = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}

    def __init__(self, port):
        self.lock = threading.Lock()
        self.copies = collections.Counter()
        self.last = time.monotonic()
        self.clients = [
            client("platform", port, ["v1/devices/me/rpc/request/+", "v1/devices/me/attributes/request/+",
                                      "v1/gateway/attributes/request"], self.answer),
            client("recorder", port, ["v1/gateway/telemetry"], self.record),
        ]

    def answer(self, mqtt, _, message):
        asked = json.loads(message.payload)
        if message.topic == "v1/gateway/attributes/request":
            topic = "v1/gateway/attributes/response"
            reply = {"id": asked.get("id"), "device": asked.get("device"), "values": {}}
        else:
            topic = message.topic.replace("/request/", "/response/")
            if "attributes" in topic:
                reply = {"client": {}, "shared": {}}
            elif asked.get("method") == "getSessionLimits":
                reply = {"maxPayloadSize": 65536, "maxInflightMessages": 100,
                         "rateLimits": self.LIMITS, "gatewayRateLimits": self.LIMITS}
            else:
                reply = {}
        mqtt.publish(topic, json.dumps(reply), qos=1)

    def record(self, _client, _userdata, message):
        entries = json.loads(message.payload).get(DEVICE, [])
        with self.lock:
            for entry in entries:
                self.copies[int(entry["values"][KEY])] += 1
            self.last = time.monotonic()

    def seen(self):
        with self.lock:
            return dict(self.copies), time.monotonic() - self.last

    def stop(self):
        for mqtt in self.clients:
            stop(mqtt)


def client(name, port, topics=(), on_message=None):
    from paho.mqtt.client import Client, MQTTv311
    from paho.mqtt.enums import CallbackAPIVersion

    subscribed = threading.Event()
    mqtt = Client(CallbackAPIVersion.VERSION2, name, clean_session=False, protocol=MQTTv311)
    mqtt.on_connect = lambda *_: mqtt.subscribe([(topic, 1) for topic in topics]) if topics else subscribed.set()
    mqtt.on_subscribe = lambda *_: subscribed.set()
    mqtt.on_message = on_message
    mqtt.max_queued_messages_set(0)
    mqtt.reconnect_delay_set(1, 1)
    mqtt.connect("127.0.0.1", port)
    mqtt.loop_start()
    if not subscribed.wait(10):
        stop(mqtt)
        raise RuntimeError(f"{name}: no session with the broker")
    return mqtt


def stop(mqtt):
    mqtt.disconnect()
    mqtt.loop_stop()


def gateway_files(folder, platform_port, source_port):
    """The gateway's settings: what it ships with, but for storage, addresses and what would leave this machine."""
    config = folder / "config"
    config.mkdir()
    files = {
        "tb_gateway.json": {
            "thingsboard": {
                "host": "127.0.0.1",
                "port": platform_port,
                "remoteShell": False,
                "remoteConfiguration": False,
                "statistics": {"enable": False},
                "deviceFiltering": {"enable": False},
                "maxPayloadSizeBytes": 8196,
                "minPackSendDelayMS": 50,
                "minPackSizeToSend": 500,
                "checkConnectorsConfigurationInSeconds": 60,
                "handleDeviceRenaming": True,
                "security": {"type": "accessToken", "accessToken": "token"},
                "qos": 1,
                "reportStrategy": {"type": "ON_RECEIVED"},
            },
            "storage": {"type": "sqlite", "data_file_path": f"{folder}/data/"},
            "grpc": {"enabled": False},
            "connectors": [{"type": "mqtt", "name": "readings", "configuration": "mqtt.json"}],
        },
        "mqtt.json": {
            "broker": {
                "host": "127.0.0.1",
                "port": source_port,
                "clientId": "gateway",
                "version": 5,
                "maxMessageNumberPerWorker": 10,
                "maxNumberOfWorkers": 100,
                "sendDataOnlyOnChange": False,
                "keepAlive": 60,
                "cleanSession": True,
                "cleanStart": True,
                "sessionExpiryInterval": 0,
                "security": {"type": "anonymous"},
            },
            "mapping": [{
                "topicFilter": SOURCE_TOPIC,
                "subscriptionQos": 1,
                "converter": {
                    "type": "json",
                    "deviceInfo": {
                        "deviceNameExpressionSource": "constant",
                        "deviceNameExpression": DEVICE,
                        "deviceProfileExpressionSource": "constant",
                        "deviceProfileExpression": "default",
                    },
                    "sendDataOnlyOnChange": False,
                    "timeout": 60000,
                    "attributes": [],
                    # The converter takes the time from the member `ts` of the message.
                    "timeseries": [{"type": "integer", "key": KEY, "value": "${%s}" % KEY}],
                },
            }],
            "requestsMapping": {},
        },
        "logs.json": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler", "level": "INFO"}},
            "root": {"level": "INFO", "handlers": ["console"]},
        },
    }
    for name, content in files.items():
        (config / name).write_text(json.dumps(content, indent=1))
    return config


def gateway(folder, platform_port, source_port):
    config = gateway_files(folder, platform_port, source_port)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "TB_GW_CONFIG_DIR": str(config),
        # It would ask for updates and install packages while it runs; nothing listens on the discard port.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "PIP_NO_INDEX": "1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [python(GATEWAY), "-c", "from thingsboard_gateway.tb_gateway import main; main()"]
    return Process(command, folder / "gateway.log", cwd=folder, env=environment)


def stored(folder):
    """What waits in the gateway's storage: late is not lost."""
    count = 0
    for file in (folder / "data").glob("*.db"):
        with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            count += database.execute("SELECT count(*) FROM messages").fetchone()[0]
    return count


def warm_up(platform, publish, process):
    """Readings with numbers below zero until they come through, then until no more of them are on the way."""
    until = time.monotonic() + START_SECONDS
    probe = 0
    while not platform.seen()[0]:
        process.check()
        if time.monotonic() > until:
            tail = process.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the gateway let nothing through in {START_SECONDS} s:\n{tail}")
        probe -= 1
        publish(probe)
        time.sleep(1)
    while platform.seen()[1] < 3:
        time.sleep(0.1)


def produce(options, publish, process, restart):
    """The readings at their rate; restarts at even distances in between, while the readings go on."""
    restarts = [options.readings * (k + 1) // (options.restarts + 1) for k in range(options.restarts)]
    running = []
    failed = []

    def guarded():
        try:
            restart()
        except Exception as error:  # noqa: BLE001: told by the main thread
            failed.append(error)

    published = []
    start = time.monotonic()
    for number in range(options.readings):
        time.sleep(max(0.0, start + number / options.rate - time.monotonic()))
        if restarts and number == restarts[0]:
            restarts.pop(0)
            for thread in running:
                thread.join()
            running.append(threading.Thread(target=guarded))
            running[-1].start()
        published.append(publish(number))
        if number % options.rate == 0:
            process.check()
    for info in published:
        info.wait_for_publish(30)
        if not info.is_published():
            raise RuntimeError("the source broker did not take all readings")
    for thread in running:
        thread.join()
    if failed:
        raise failed[0]


def run(options, folder):
    ended = []
    try:
        source = Broker(folder, "source")
        ended.append(source.end)
        source.start()
        broker = Broker(folder, "broker", ACCESS)
        ended.append(broker.end)
        broker.start()
        platform = Platform(broker.port)
        ended.append(platform.stop)
        process = gateway(folder, broker.port, source.port)
        ended.append(process.end)
        producer = client("producer", source.port)
        ended.append(lambda: stop(producer))

        first = int(time.time() * 1000)

        def publish(number):
            ts = first + number * 1000 // options.rate
            return producer.publish(SOURCE_TOPIC, json.dumps({"ts": ts, KEY: number}), qos=1)

        def restart():
            broker.end()
            time.sleep(options.away)
            broker.start()

        warm_up(platform, publish, process)
        produce(options, publish, process, restart)
        until = time.monotonic() + SETTLE_SECONDS
        while platform.seen()[1] < options.quiet or stored(folder):
            process.check()
            if time.monotonic() > until:
                raise RuntimeError(f"{stored(folder)} readings are still in the gateway's storage")
            time.sleep(1)
        copies = {number: times for number, times in platform.seen()[0].items() if number >= 0}
        if options.keep:
            shutil.copy(process.log, options.keep)
        return copies
    finally:
        for end in reversed(ended):
            end()


def blocks(numbers):
    """Consecutive numbers as ranges: a lost pack is one block."""
    found = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(f"{a}-{b}" if b > a else str(a) for a, b in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="make the venvs and end")
    parser.add_argument("--readings", type=int, default=6000)
    parser.add_argument("--rate", type=int, default=200, help="readings a second")
    parser.add_argument("--restarts", type=int, default=4)
    parser.add_argument("--away", type=float, default=2.0, help="seconds the broker is away")
    parser.add_argument("--quiet", type=float, default=30.0, help="seconds without telemetry that end the run")
    parser.add_argument("--blocks", action="store_true", help="a second line: which readings are missing")
    parser.add_argument("--keep", metavar="FILE", help="copy the gateway's log there")
    options = parser.parse_args()
    if options.install:
        install()
        return
    for venv, module, package in VENVS:
        if not has(venv, module):
            sys.exit(f"{package} is missing: python3 tests/peers/gateway_loss.py --install")
    if Path(sys.prefix).resolve() != PAHO.resolve():
        os.execv(python(PAHO), [python(PAHO), *sys.argv])

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="gateway_loss.", ignore_cleanup_errors=True) as folder:
        copies = run(options, Path(folder))
    missing = [number for number in range(options.readings) if number not in copies]
    twice = sum(times > 1 for times in copies.values())
    print(f"{options.readings} readings, {options.restarts} restarts: {len(copies)} arrived, "
          f"{len(missing)} missing, {twice} came twice")
    if options.blocks and missing:
        print(f"missing: {blocks(missing)}")


if __name__ == "__main__":
    main()
