"""ThingsBoard's side of a plain broker, on the topics of its own client library: PORT SHARED.

A command a line comes in, as JSON: {"rpc": [ID, METHOD, PARAMS]}, {"gateway_rpc": [DEVICE, ID, METHOD, PARAMS]},
{"attributes": {...}}, {"gateway_attributes": [DEVICE, {...}]}. Everything that is heard goes out a line each. Questions for
the session's limits and for shared attributes (SHARED, JSON) are answered as the server does.
"""
import json
import sys

import paho.mqtt.client as paho
import tb_device_mqtt as device
import tb_gateway_mqtt as gateway
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

port, shared = int(sys.argv[1]), json.loads(sys.argv[2])
LIMITS = {
    "maxPayloadSize": 65536,
    "maxInflightMessages": 100,
    "rateLimits": {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""},
    "gatewayRateLimits": {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""},
}


def say(what):
    print(json.dumps(what), flush=True)


def publish(topic, payload):
    client.publish(topic, json.dumps(payload), qos=1)


def on_connect(client, userdata, flags, reason, properties):
    # A server is not sent what it says itself.
    client.subscribe("v1/#", options=SubscribeOptions(qos=1, noLocal=True))


def on_subscribe(*ignored):
    say("ready")


def on_message(client, userdata, message):
    topic, payload = message.topic, json.loads(message.payload)
    say({"topic": topic, "payload": payload})
    number = topic.rsplit("/", 1)[-1]
    if topic.startswith(device.RPC_REQUEST_TOPIC) and payload["method"] == "getSessionLimits":
        publish(device.RPC_RESPONSE_TOPIC + number, LIMITS)
    elif topic.startswith(device.ATTRIBUTES_TOPIC_REQUEST):
        keys = payload.get("sharedKeys", "").split(",")
        publish(device.ATTRIBUTES_TOPIC_RESPONSE + number, {"shared": {key: shared[key] for key in keys if key in shared}})
    elif topic == gateway.GATEWAY_ATTRIBUTES_REQUEST_TOPIC:
        keys = payload["keys"] if "keys" in payload else [payload["key"]]
        values = {key: shared[key] for key in keys if key in shared}
        # The server names no key where one was asked for.
        told = {"value": next(iter(values.values()), None)} if len(keys) == 1 else {"values": values}
        publish(gateway.GATEWAY_ATTRIBUTES_RESPONSE_TOPIC, {"id": payload["id"], "device": payload["device"], **told})


client = paho.Client(protocol=5, client_id="platform", callback_api_version=CallbackAPIVersion.VERSION2)
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect("127.0.0.1", port)
client.loop_start()
for line in sys.stdin:
    command = json.loads(line)
    if "rpc" in command:
        number, method, params = command["rpc"]
        publish(device.RPC_REQUEST_TOPIC + str(number), {"method": method, "params": params})
    elif "gateway_rpc" in command:
        name, number, method, params = command["gateway_rpc"]
        publish(gateway.GATEWAY_RPC_TOPIC, {"device": name, "data": {"id": number, "method": method, "params": params}})
    elif "attributes" in command:
        publish(device.ATTRIBUTES_TOPIC, command["attributes"])
    else:
        name, data = command["gateway_attributes"]
        publish(gateway.GATEWAY_ATTRIBUTES_TOPIC, {"device": name, "data": data})
