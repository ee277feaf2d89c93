#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The PyPI package gurux-dlms as a client, for the peer tests: a process of its own.

    gurux_client.py PORT CLIENT SERVER [OPTIONS] STEP...

| step | does |
|---|---|
| objects | reads the association's object list |
| CLASS/OBIS/ATTRIBUTE | reads one attribute |
| list:CLASS/OBIS/ATTRIBUTE+... | reads several in one request |
| rows:OBIS:FIRST:COUNT | reads a profile by entry |
| range:OBIS:FROM:TO | reads a profile by range; times as 2026-01-01T03.00, UTC |
| set:CLASS/OBIS/ATTRIBUTE:HEX | writes an octet string |
| setclock | writes the time 2026-05-04 03:02:01 UTC |
| call:CLASS/OBIS/METHOD | runs a method with integer 0 |

Talks to 127.0.0.1:PORT, prints one JSON object a step, then releases and disconnects. The password is
taken from the environment variable PEER_PASSWORD. SERVER is the package's own number: 1 for one byte,
(upper << 7 | lower) for two.
"""
import argparse
import datetime
import json
import os
import socket

from gurux_dlms import GXByteBuffer, GXDateTime, GXDLMSException, GXReplyData
from gurux_dlms._GXObjectFactory import _GXObjectFactory
from gurux_dlms.ecdsa.GXPrivateKey import GXPrivateKey
from gurux_dlms.ecdsa.GXPublicKey import GXPublicKey
from gurux_dlms.enums import Authentication, Conformance, DataType, InterfaceType, ObjectType, Security
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

AUTHENTICATION = {"none": Authentication.NONE, "lls": Authentication.LOW, "hls-md5": Authentication.HIGH_MD5,
                  "hls-sha1": Authentication.HIGH_SHA1, "hls-gmac": Authentication.HIGH_GMAC,
                  "hls-sha256": Authentication.HIGH_SHA256, "hls-ecdsa": Authentication.HIGH_ECDSA}
SECURITY = {"none": Security.NONE, "auth": Security.AUTHENTICATION, "enc": Security.ENCRYPTION,
            "auth-enc": Security.AUTHENTICATION_ENCRYPTION}

MORE_EK = "101112131415161718191A1B1C1D1E1F"
# The public half of the meter's signing key: RFC 6979, A.2.5.
METER_KEY = ("0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
             "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299")
MORE_AK = "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF"


def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, GXByteBuffer):
        return bytes(value.array()).hex()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, str, float)):
        return value
    return int(value) if isinstance(value, int) else str(value)


class Session:
    def __init__(self, options):
        client = self.dlms = GXDLMSSecureClient()
        client.useLogicalNameReferencing = True
        wrapper = options.link == "wrapper"
        client.interfaceType = InterfaceType.WRAPPER if wrapper else InterfaceType.HDLC
        client.clientAddress, client.serverAddress = options.client, options.server
        client.authentication = AUTHENTICATION[options.auth]
        client.password = os.environ.get("PEER_PASSWORD")
        cipher = client.ciphering
        cipher.security = SECURITY[options.security]
        self.suite = options.suite
        cipher.securitySuite = SecuritySuite(options.suite)
        cipher.systemTitle = bytes.fromhex(options.title)
        cipher.blockCipherKey = bytes.fromhex(options.ek + (MORE_EK if options.long_keys else ""))
        cipher.authenticationKey = bytes.fromhex(options.ak + (MORE_AK if options.long_keys else ""))
        cipher.invocationCounter = options.counter
        cipher.signingKeyPair = (GXPublicKey.fromRawBytes(bytes.fromhex(options.meter_key)),
                                 GXPrivateKey.fromRawBytes(bytes.fromhex(options.signing_key)))
        if "dedicated" in options.form:
            cipher.dedicatedKey = bytes.fromhex(options.dk)
        if not options.form.startswith("general"):
            client.proposedConformance &= ~Conformance.GENERAL_PROTECTION
        client.useProtectedRelease = options.security != "none"
        if options.max_info:
            client.hdlcSettings.maxInfoRX = client.hdlcSettings.maxInfoTX = options.max_info
        self.socket = socket.create_connection(("127.0.0.1", options.port), timeout=10)

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
        snrm = self.dlms.snrmRequest()
        if snrm:
            self.dlms.parseUAResponse(self.ask(snrm).data)
        self.dlms.parseAareResponse(self.ask(self.dlms.aarqRequest()).data)
        # REPAIR: parsing AARE takes the suite back to 0.
        self.dlms.ciphering.securitySuite = SecuritySuite(self.suite)
        if self.dlms.authentication > Authentication.LOW:
            proof = self.ask(self.dlms.getApplicationAssociationRequest())
            self.dlms.parseApplicationAssociationResponse(proof.data)
        link = self.dlms.hdlcSettings
        return {"step": "open", "pdu": self.dlms.maxReceivePDUSize, "max_info": link.maxInfoRX}

    def object(self, class_id, code):
        item = self.dlms.objects.findByLN(ObjectType(int(class_id)), code)
        if item is None:
            item = _GXObjectFactory.createObject(ObjectType(int(class_id)))
            item.logicalName = code
            self.dlms.objects.append(item)
        return item

    def read(self, class_id, code, attribute):
        item = self.object(class_id, code)
        reply = self.ask(self.dlms.read(item, int(attribute))[0])
        if item.getDataType(int(attribute)) == DataType.NONE:
            item.setDataType(int(attribute), reply.valueType)
        return item, reply.value

    def profile(self, code):
        item = self.object(7, code)
        if not item.captureObjects:
            self.dlms.updateValue(item, 3, self.read(7, code, 3)[1])
        return item

    def rows(self, item, frames):
        return [plain(row) for row in self.dlms.updateValue(item, 2, self.ask(frames).value)]

    def step(self, step):
        kind, _, rest = step.partition(":")
        if kind == "objects":
            self.dlms.parseObjects(self.ask(self.dlms.getObjectsRequest()).data, True)
            return [[int(o.objectType), o.logicalName] for o in self.dlms.objects]
        if kind == "list":
            wanted = [part.split("/") for part in rest.split("+")]
            values = []
            for frame in self.dlms.readList([(self.object(c, o), int(a)) for c, o, a in wanted]):
                values.extend(self.ask(frame).value)
            return plain(values)
        if kind in ("rows", "range"):
            code, first, second = rest.split(":")
            item = self.profile(code)
            if kind == "rows":
                return self.rows(item, self.dlms.readRowsByEntry(item, int(first), int(second)))
            first, second = (datetime.datetime.strptime(t, "%Y-%m-%dT%H.%M").replace(tzinfo=datetime.timezone.utc)
                             for t in (first, second))
            return self.rows(item, self.dlms.readRowsByRange(item, first, second))
        if kind == "set":
            where, _, octets = rest.partition(":")
            class_id, code, attribute = where.split("/")
            item = self.object(class_id, code)
            item.setDataType(int(attribute), DataType.OCTET_STRING)
            item.value = bytes.fromhex(octets)
            for frame in self.dlms.write(item, int(attribute)):
                self.ask(frame)
            return "ok"
        if kind == "setclock":
            item = self.object(8, "0.0.1.0.0.255")
            item.time = GXDateTime(datetime.datetime(2026, 5, 4, 3, 2, 1, tzinfo=datetime.timezone.utc))
            for frame in self.dlms.write(item, 2):
                self.ask(frame)
            return "ok"
        if kind == "call":
            class_id, code, method = rest.split("/")
            return plain(self.ask(self.dlms.method(self.object(class_id, code), int(method), 0, DataType.INT8)).value)
        return plain(self.read(*step.split("/"))[1])

    def close(self):
        self.ask(self.dlms.releaseRequest())
        closing = self.dlms.disconnectRequest()
        if closing:
            self.ask(closing)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("client", type=int)
    options.add_argument("server", type=int)
    options.add_argument("--link", default="hdlc", choices=("hdlc", "wrapper"))
    options.add_argument("--auth", default="none", choices=AUTHENTICATION)
    options.add_argument("--security", default="none", choices=SECURITY)
    options.add_argument("--form", default="general",
                         choices=("general", "global", "dedicated", "general-dedicated"))
    options.add_argument("--suite", type=int, default=0)
    options.add_argument("--title", default="4D4D4D0000BC614E")
    options.add_argument("--ek", default="000102030405060708090A0B0C0D0E0F")
    options.add_argument("--ak", default="D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
    options.add_argument("--dk", default="00112233445566778899AABBCCDDEEFF")
    options.add_argument("--signing-key", default="11" * 32)
    options.add_argument("--meter-key", default=METER_KEY)
    options.add_argument("--counter", type=int, default=1)
    options.add_argument("--long-keys", action="store_true", help="the 32 octets suite 2 wants")
    options.add_argument("--max-info", type=int)
    options.add_argument("steps", nargs="*")
    options = options.parse_intermixed_args()
    session = Session(options)
    print(json.dumps(session.open()))
    for step in options.steps:
        print(json.dumps({"step": step, "value": session.step(step)}))
    session.close()
    print(json.dumps({"step": "close"}))


main()
