"""What ThingsBoard's own client library sends for one device and for a gateway: PORT device|gateway."""
import sys
import time

from tb_device_mqtt import TBDeviceMqttClient
from tb_gateway_mqtt import TBGatewayMqttClient

port, role = int(sys.argv[1]), sys.argv[2]
VALUES = {"voltage_l1": 230.1, "energy": 1200345, "serial": "DE-0012"}
TS = 1_760_000_000_000


def sent(info):
    if info is not None and hasattr(info, "get"):
        info.get()


if role == "device":
    client = TBDeviceMqttClient("127.0.0.1", port, "token")
    client.connect(timeout=5)
    time.sleep(0.5)
    sent(client.send_telemetry({"ts": TS, "values": VALUES}))
    sent(client.send_attributes({"serial": "DE-0012", "address": "10.0.4.7:4059"}))
else:
    client = TBGatewayMqttClient("127.0.0.1", port, "token")
    client.connect(timeout=5)
    time.sleep(0.5)
    sent(client.gw_connect_device("M-1", "dlms"))
    sent(client.gw_send_attributes("M-1", {"serial": "DE-0012", "address": "10.0.4.7:4059"}))
    sent(client.gw_send_telemetry("M-1", [{"ts": TS, "values": VALUES}]))
time.sleep(1)
client.disconnect()
print("sent")
