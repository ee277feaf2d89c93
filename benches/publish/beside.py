"""The same messages by paho-mqtt, which keeps nothing: PORT COUNT SIZE MODE, prints messages a second.

MODE `each` waits for the PUBACK of every message before the next; a number pipelines with so many under way.
"""
import sys
import time

import paho.mqtt.client as mqtt

port, count, size, mode = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="paho-bench")
client.max_queued_messages_set(0)
if mode != "each":
    client.max_inflight_messages_set(int(mode))
client.connect("127.0.0.1", port)
client.loop_start()
while not client.is_connected():
    time.sleep(0.001)
payload = b"x" * size
began = time.perf_counter()
if mode == "each":
    for _ in range(count):
        client.publish("bench/paho", payload, qos=1).wait_for_publish()
else:
    under_way = [client.publish("bench/paho", payload, qos=1) for _ in range(count)]
    for message in under_way:
        message.wait_for_publish()
print(count / (time.perf_counter() - began))
client.disconnect()
client.loop_stop()
