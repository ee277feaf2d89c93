#!/usr/bin/env python3
"""The PyPI package dlms-cosem as a client, for the peer tests: a process of its own.

    u9n_client.py PORT CLIENT PASSWORD|- SERVER STEP...    STEP is objects or CLASS/OBIS/ATTRIBUTE

Talks HDLC over TCP to 127.0.0.1:PORT and prints one JSON object a step. SERVER is the upper address.
Version 25.1.0 ends a frame at the first 7E, so one answer in a few hundred hangs it until its
time-out: the test may run it again.
"""
import json
import logging
import sys

import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.client import DlmsClient
from dlms_cosem.connection import DlmsConnectionSettings
from dlms_cosem.io import BlockingTcpIO, HdlcTransport
from dlms_cosem.security import LowLevelSecurityAuthentication, NoSecurityAuthentication


def attribute(class_id, code, number):
    return cosem.CosemAttribute(interface=enumerations.CosemInterface(int(class_id)),
                                instance=cosem.Obis.from_string(code), attribute=int(number))


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def main():
    port, client, password, server, *steps = sys.argv[1:]
    transport = HdlcTransport(client_logical_address=int(client), server_logical_address=int(server),
                              io=BlockingTcpIO(host="127.0.0.1", port=int(port), timeout=5))
    secret = NoSecurityAuthentication() if password == "-" else LowLevelSecurityAuthentication(secret=password.encode())
    settings = DlmsConnectionSettings(use_rlrq_rlre=False)
    with DlmsClient(transport=transport, authentication=secret, connection_settings=settings).session() as meter:
        for step in steps:
            parts = ("15", "0.0.40.0.0.255", "2") if step == "objects" else step.split("/")
            value = utils.parse_as_dlms_data(meter.get(attribute(*parts)))
            shown = [[o[0], ".".join(map(str, o[2]))] for o in value] if step == "objects" else plain(value)
            print(json.dumps({"step": step, "value": shown}), flush=True)


main()
