#!/usr/bin/env python3
"""The PyPI package dlms-cosem as a client, for the peer tests: a process of its own.

    u9n_client.py PORT CLIENT SERVER [OPTIONS] STEP...

| step | does |
|---|---|
| objects | reads the association's object list |
| CLASS/OBIS/ATTRIBUTE | reads one attribute |
| range:OBIS:FROM:TO | reads a profile by range; times as 2026-01-01T03.00, UTC |
| set:CLASS/OBIS/ATTRIBUTE:HEX | writes an octet string |
| call:CLASS/OBIS/METHOD | runs a method with integer 0 |

Talks to 127.0.0.1:PORT and prints one JSON object a step. The password is taken from the environment variable
PEER_PASSWORD. SERVER is the upper address. Version 25.1.0 ends a frame at the first 7E, so one answer in a few
hundred hangs it over HDLC until its time-out: the test may run it again.
"""
import argparse
import datetime
import json
import logging
import os

import structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.client import DlmsClient
from dlms_cosem.connection import DlmsConnectionSettings
from dlms_cosem.cosem.selective_access import CaptureObject, RangeDescriptor
from dlms_cosem.io import BlockingTcpIO, HdlcTransport, TcpTransport
from dlms_cosem.security import (HighLevelSecurityGmacAuthentication, LowLevelSecurityAuthentication,
                                 NoSecurityAuthentication)


def attribute(class_id, code, number):
    return cosem.CosemAttribute(interface=enumerations.CosemInterface(int(class_id)),
                                instance=cosem.Obis.from_string(code), attribute=int(number))


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def time(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H.%M").replace(tzinfo=datetime.timezone.utc)


def run(meter, step):
    kind, _, rest = step.partition(":")
    if kind == "objects":
        value = utils.parse_as_dlms_data(meter.get(attribute(15, "0.0.40.0.0.255", 2)))
        return [[o[0], ".".join(map(str, o[2]))] for o in value]
    if kind == "range":
        code, first, last = rest.split(":")
        clock = CaptureObject(cosem_attribute=attribute(8, "0.0.1.0.0.255", 2), data_index=0)
        wanted = RangeDescriptor(restricting_object=clock, from_value=time(first), to_value=time(last))
        return plain(utils.parse_as_dlms_data(meter.get(attribute(7, code, 2), access_descriptor=wanted)))
    if kind == "set":
        where, _, octets = rest.partition(":")
        octets = bytes.fromhex(octets)
        return str(meter.set(attribute(*where.split("/")), bytes([9, len(octets)]) + octets))
    if kind == "call":
        class_id, code, method = rest.split("/")
        method = cosem.CosemMethod(interface=enumerations.CosemInterface(int(class_id)),
                                   instance=cosem.Obis.from_string(code), method=int(method))
        return plain(meter.action(method, bytes([15, 0])))
    return plain(utils.parse_as_dlms_data(meter.get(attribute(*step.split("/")))))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("client", type=int)
    options.add_argument("server", type=int)
    options.add_argument("--link", default="hdlc", choices=("hdlc", "wrapper"))
    options.add_argument("--auth", default="none", choices=("none", "lls", "hls-gmac"))
    options.add_argument("--title", default="4D4D4D0000BC614E")
    options.add_argument("--ek", default="000102030405060708090A0B0C0D0E0F")
    options.add_argument("--ak", default="D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
    options.add_argument("--counter", type=int, default=1)
    options.add_argument("steps", nargs="*")
    options = options.parse_intermixed_args()
    socket = BlockingTcpIO(host="127.0.0.1", port=options.port, timeout=5)
    kind = HdlcTransport if options.link == "hdlc" else TcpTransport
    transport = kind(client_logical_address=options.client, server_logical_address=options.server, io=socket)
    keys = {}
    if options.auth == "none":
        authentication = NoSecurityAuthentication()
    elif options.auth == "lls":
        authentication = LowLevelSecurityAuthentication(secret=os.environ["PEER_PASSWORD"].encode())
    else:
        authentication = HighLevelSecurityGmacAuthentication(challenge_length=16)
        keys = {"encryption_key": bytes.fromhex(options.ek), "authentication_key": bytes.fromhex(options.ak),
                "client_system_title": bytes.fromhex(options.title),
                "client_initial_invocation_counter": options.counter}
    client = DlmsClient(transport=transport, authentication=authentication,
                        connection_settings=DlmsConnectionSettings(use_rlrq_rlre=False), **keys)
    with client.session() as meter:
        for step in options.steps:
            print(json.dumps({"step": step, "value": run(meter, step)}), flush=True)


main()
