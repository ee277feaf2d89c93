"""ThingsBoard's own client library as a device or as a gateway that is asked things: PORT device|gateway ANSWERS.

ANSWERS (JSON) says by a request's number what is answered. What the library understood goes out, a line each as JSON.
Ends with its standard input.
"""
import json
import sys
import time

from tb_device_mqtt import TBDeviceMqttClient
from tb_gateway_mqtt import TBGatewayMqttClient

port, role, answers = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])


def heard(what, *rest):
    print(json.dumps([what, *rest]), flush=True)


def own_rpc(number, content):
    method, params = content["method"], content["params"]
    if method == "getSessionLimits":
        # Its own question: a plain broker sends back what one has subscribed to.
        return
    heard("rpc", number, method, params)
    client.send_rpc_reply(number, answers[number])
    # What the platform calls a device by is what the gateway says of it from then on.
    if method == "gateway_device_renamed":
        for old, new in params.items():
            client.gw_disconnect_device(old)
            client.gw_connect_device(new, "dlms")


def device_rpc(_, content):
    data = content["data"]
    if "id" in content:
        # Its own answer, come back.
        return
    heard("gateway_rpc", content["device"], data["id"], data["method"], data["params"])
    client.gw_send_rpc_reply(content["device"], data["id"], answers[str(data["id"])])


if role == "device":
    client = TBDeviceMqttClient("127.0.0.1", port, "A1_TEST_TOKEN")
    client.set_server_side_rpc_request_handler(own_rpc)
    client.connect(timeout=5)
    time.sleep(0.5)
    client.subscribe_to_all_attributes(lambda content, _: heard("attributes", content))
    client.request_attributes(
        shared_keys=["poll_interval"], callback=lambda content, _: heard("response", content["shared"]["poll_interval"])
    )
else:
    client = TBGatewayMqttClient("127.0.0.1", port, "A1_TEST_TOKEN")
    client.set_server_side_rpc_request_handler(own_rpc)
    client.gw_set_server_side_rpc_request_handler(device_rpc)
    client.connect(timeout=5)
    time.sleep(0.5)
    client.gw_connect_device("M-1", "dlms")
    # Attributes of its own, come back from a plain broker, have no "data".
    client.gw_subscribe_to_all_attributes(
        lambda content: heard("gateway_attributes", content["device"], content["data"]) if "data" in content else None
    )
    client.gw_request_shared_attributes("M-1", ["poll_interval"], lambda content, _: heard("response", content["value"]))
sys.stdin.read()
client.stop()
client.disconnect()
