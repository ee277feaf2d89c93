#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The PyPI package gurux-dlms as a client, for the peer tests: a process of its own.

    gurux_client.py PORT CLIENT PASSWORD|- SERVER STEP...    STEP is objects or CLASS/OBIS/ATTRIBUTE

Talks HDLC over TCP to 127.0.0.1:PORT, prints one JSON object a step, then releases and disconnects.
SERVER is the package's own number: 1 for one byte, (upper << 7 | lower) for two.
"""
import json
import socket
import sys

from gurux_dlms import GXByteBuffer, GXDLMSException, GXReplyData
from gurux_dlms._GXObjectFactory import _GXObjectFactory
from gurux_dlms.enums import Authentication, InterfaceType, ObjectType
from gurux_dlms.secure import GXDLMSSecureClient


class Session:
    def __init__(self, port, client, password, server):
        self.dlms = GXDLMSSecureClient()
        self.dlms.useLogicalNameReferencing = True
        self.dlms.interfaceType = InterfaceType.HDLC
        self.dlms.clientAddress, self.dlms.serverAddress = client, server
        if password != "-":
            self.dlms.authentication, self.dlms.password = Authentication.LOW, password
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def exchange(self, frame, reply):
        notify, received = GXReplyData(), GXByteBuffer()
        self.socket.sendall(bytes(frame))
        while not self.dlms.getData(received, reply, notify):
            chunk = self.socket.recv(4096)
            if not chunk:
                raise EOFError("the meter closed the connection")
            received.set(chunk)
        if reply.error:
            raise GXDLMSException(reply.error)

    def ask(self, frames):
        reply = GXReplyData()
        for frame in frames if isinstance(frames, list) else [frames]:
            reply.clear()
            self.exchange(frame, reply)
            while reply.isMoreData():
                self.exchange(self.dlms.receiverReady(reply), reply)
        return reply

    def open(self):
        self.dlms.parseUAResponse(self.ask(self.dlms.snrmRequest()).data)
        self.dlms.parseAareResponse(self.ask(self.dlms.aarqRequest()).data)
        link = self.dlms.hdlcSettings
        return {"step": "open", "pdu": self.dlms.maxReceivePDUSize, "max_info": link.maxInfoRX}

    def objects(self):
        reply = self.ask(self.dlms.getObjectsRequest())
        self.dlms.parseObjects(reply.data, True)
        return [[int(o.objectType), o.logicalName] for o in self.dlms.objects]

    def read(self, step):
        class_id, code, attribute = step.split("/")
        item = _GXObjectFactory.createObject(ObjectType(int(class_id)))
        item.logicalName = code
        value = self.ask(self.dlms.read(item, int(attribute))[0]).value
        return value.hex() if isinstance(value, (bytes, bytearray)) else [int(v) for v in value] if isinstance(value, list) else value

    def close(self):
        self.ask(self.dlms.releaseRequest())
        self.ask(self.dlms.disconnectRequest())


def main():
    port, client, password, server, *steps = sys.argv[1:]
    session = Session(int(port), int(client), password, int(server))
    print(json.dumps(session.open()))
    for step in steps:
        print(json.dumps({"step": step, "value": session.objects() if step == "objects" else session.read(step)}))
    session.close()
    print(json.dumps({"step": "close"}))


main()
