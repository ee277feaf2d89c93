#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A DLMS meter built on the PyPI package gurux-dlms, run as a process of its own by the peer tests.

    gurux_meter.py [--password 12345678] [--max-info 128] [--pdu 1024]

Listens for HDLC over TCP on a free port of 127.0.0.1 and prints `ready PORT`; ends when its
standard input closes, so that it never outlives the test that started it.

Client 16 needs no password and may only read, client 17 wants LLS and may write the note and the clock
and switch the relay. All connections see the same objects. Framing, sequence numbers, the AARQ parser, object
encoding, the object list and block transfer are the package's own; nothing of it is linked into
obiscope. Version 1.0.203 cannot serve as shipped: what is repaired here is marked REPAIR with why.
"""
import argparse
import datetime
import os
import socket
import sys
import threading

from gurux_dlms import GXByteBuffer, GXDateTime, GXServerReply, ValueEventArgs
from gurux_dlms.ConnectionState import ConnectionState
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXDLMSLongTransaction import GXDLMSLongTransaction
from gurux_dlms.GXDLMSServer import GXDLMSServer
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms._GXAPDU import _GXAPDU
from gurux_dlms._HDLCInfo import _HDLCInfo
from gurux_dlms.enums import (AccessMode, Authentication, Command, Conformance, DataType, ErrorCode,
                              InterfaceType, MethodAccessMode, ObjectType, SourceDiagnostic, Unit)
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects import (GXDLMSAssociationLogicalName, GXDLMSClock, GXDLMSData,
                                GXDLMSDisconnectControl, GXDLMSHdlcSetup, GXDLMSObjectCollection,
                                GXDLMSProfileGeneric, GXDLMSRegister)
from gurux_dlms.objects.enums import AssociationStatus
from gurux_dlms.secure.GXDLMSSecureServer import GXDLMSSecureServer

NOTE = "0.0.96.1.9.255"
LLC_REPLY = bytearray(_GXCommon.LLC_REPLY_BYTES)


def repair_package():
    """REPAIR: names and shapes the package's request handlers use but its classes lack."""
    ValueEventArgs.__iter__ = lambda self: iter((self,))
    ValueEventArgs.isSkipMaxPduSize = property(lambda self: self.skipMaxPduSize)
    ValueEventArgs.getRowEndIndex = lambda self: self.rowEndIndex
    ValueEventArgs.value = property(lambda self: self.eventValue, lambda self, v: setattr(self, "eventValue", v))
    plain_init = ValueEventArgs.__init__

    def init(self, owner, *args, **kwargs):
        plain_init(self, owner, *args, **kwargs)
        self.server = None if isinstance(owner, GXDLMSSettings) else owner

    ValueEventArgs.__init__ = init
    GXDLMSLNParameters.setStatus = lambda self, v: setattr(self, "status", v)
    GXDLMSLNParameters.isMultipleBlocks = lambda self: self.multipleBlocks
    GXDLMSLongTransaction.setData = lambda self, v: setattr(self, "data", v)
    GXDLMSSettings.setConnected = lambda self, v: setattr(self, "connected", v)
    GXDLMSSettings.getMaxPduSize = lambda self: self.maxPduSize
    GXDLMSSettings.gbtWndowSize = property(lambda self: self.gbtWindowSize)


class Association(GXDLMSAssociationLogicalName):
    def getObjects(self, settings, e):
        # REPAIR: a finished list is taken for a part of a long transaction; encode it once, whole.
        keep = settings.maxPduSize
        settings.setCount(0), settings.setIndex(0)
        settings.maxPduSize = 1 << 30
        try:
            return super().getObjects(settings, e)
        finally:
            settings.maxPduSize = keep
            settings.setCount(0), settings.setIndex(0)


class Relay(GXDLMSDisconnectControl):
    def invoke(self, settings, e):
        # REPAIR: the package only knows the client's side of these methods.
        if e.index not in (1, 2):
            e.error = ErrorCode.READ_WRITE_DENIED
            return
        self.outputState = e.index == 2
        self.controlState = 1 if self.outputState else 0


class Profile(GXDLMSProfileGeneric):
    def selected(self, settings, e):
        rows, wanted = list(self.buffer), e.parameters
        if e.selector == 2:
            first, last = max(1, wanted[0]), wanted[1] or len(rows)
            return rows[first - 1:last]
        if e.selector == 1:
            def moment(value):
                if isinstance(value, (bytes, bytearray)):
                    value = _GXCommon.changeType(settings, value, DataType.DATETIME)
                return value.value.replace(tzinfo=datetime.timezone.utc)

            first, last = moment(wanted[1]), moment(wanted[2])
            return [row for row in rows if first <= row[0].value <= last]
        return rows

    def getValue(self, settings, e):
        # REPAIR: the package's selective access does not run; the encoding of each value is its own.
        if e.index != 2:
            return super().getValue(settings, e)
        rows, out = self.selected(settings, e), GXByteBuffer()
        out.setUInt8(DataType.ARRAY), _GXCommon.setObjectCount(len(rows), out)
        for row in rows:
            out.setUInt8(DataType.STRUCTURE), _GXCommon.setObjectCount(len(row), out)
            for (item, place), value in zip(self.captureObjects, row):
                time = isinstance(item, GXDLMSClock)
                kind = DataType.OCTET_STRING if time else item.getDataType(place.attributeIndex)
                _GXCommon.setData(settings, out, kind, value)
        e.byteArray = True
        e.rowToPdu = e.rowBeginIndex = e.rowEndIndex = 0
        settings.setCount(0), settings.setIndex(0)
        return out


def build_profile(clock, columns):
    """A day in quarters of an hour."""
    profile = Profile("1.0.99.1.0.255")
    profile.capturePeriod = 900
    for item in (clock, *columns):
        profile.addCaptureObject(item, 2, 0)
    profile.sortObject, profile.sortObjectAttributeIndex = clock, 2
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    for index in range(96):
        time = GXDateTime(start + datetime.timedelta(minutes=15 * index))
        profile.buffer.append([time, 2300 + index % 17, 1200000 + 7 * index])
    profile.entriesInUse = profile.profileEntries = len(profile.buffer)
    return profile


def build_objects():
    """The meter's objects with values that stand still, so that a test can name them."""
    objects = GXDLMSObjectCollection()

    def register(code, exponent, unit, kind, value):
        item = GXDLMSRegister(code)
        item.scaler, item.unit, item.value = 10.0 ** exponent, unit, value
        item.setDataType(2, kind)
        objects.append(item)
        return item

    def text(code, value):
        item = GXDLMSData(code)
        item.value = bytearray(value)
        item.setDataType(2, DataType.OCTET_STRING)
        objects.append(item)

    text("0.0.42.0.0.255", b"GRX0000000123456")
    text("0.0.96.1.0.255", b"123456")
    text(NOTE, b"note")
    clock = GXDLMSClock()
    clock.timeZone = 0
    clock.time = GXDateTime(datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))
    objects.append(clock)
    volts = register("1.0.32.7.0.255", -1, Unit.VOLTAGE, DataType.UINT16, 2305)
    register("1.0.31.7.0.255", -2, Unit.CURRENT, DataType.UINT16, 512)
    register("1.0.1.7.0.255", 0, Unit.ACTIVE_POWER, DataType.UINT32, 1180)
    register("1.0.14.7.0.255", -2, Unit.FREQUENCY, DataType.UINT16, 5000)
    energy = register("1.0.1.8.0.255", 0, Unit.ACTIVE_ENERGY, DataType.UINT32, 1234567)
    for tariff in range(1, 21):
        register(f"1.0.1.8.{tariff}.255", 0, Unit.ACTIVE_ENERGY, DataType.UINT32, 1000 * tariff)
    objects.append(GXDLMSHdlcSetup())
    relay = Relay("0.0.96.3.10.255")
    relay.outputState, relay.controlState = True, 1
    objects.append(relay)
    objects.append(build_profile(clock, (volts, energy)))
    return objects


OBJECTS = build_objects()


class Meter(GXDLMSSecureServer):
    """One connection's meter."""

    def __init__(self, options):
        self.options = options
        super().__init__(True, InterfaceType.HDLC)
        s = self.settings
        # REPAIR: the secure server fills `ciphering`, every handler reads `cipher`.
        s.cipher = s.ciphering = GXCiphering(bytes(8))
        s.objects = GXDLMSObjectCollection()
        s.objects.extend(OBJECTS)
        s.proposedConformance = (Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ | Conformance.SELECTIVE_ACCESS
                                 | Conformance.MULTIPLE_REFERENCES | Conformance.GET | Conformance.SET
                                 | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE | Conformance.ACTION)
        s.maxServerPDUSize = options.pdu
        self.association = Association()
        self.association.clientSAP, self.association.serverSAP = 16, 1
        s.objects.append(self.association)
        # REPAIR: initialize() would append the collection as one element.
        self.association.objectList.extend(s.objects)
        self.initialize()

    # REPAIR: the handlers call these; the server class does not have them.
    def getTransaction(self): return self.transaction
    def setTransaction(self, value): self.transaction = value
    def notifyRead(self): pass
    def notifyConnected(self, info): pass
    # REPAIR: the package's property calls itself without end.
    maxReceivePDUSize = property(lambda self: self.settings.maxServerPDUSize,
                                 lambda self, v: setattr(self.settings, "maxServerPDUSize", v))

    def isTarget(self, server, client):
        self.wanted = {16: Authentication.NONE, 17: Authentication.LOW}.get(client)
        self.association.clientSAP = client
        return self.wanted is not None  # unknown clients meet silence, as at many real meters

    def check_secret(self):
        s = self.settings
        if s.authentication != self.wanted:
            return SourceDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
        if self.wanted == Authentication.LOW and bytes(s.password or b"") != self.options.password.encode():
            return SourceDiagnostic.AUTHENTICATION_FAILURE
        return SourceDiagnostic.NONE

    def onValidateAuthentication(self, authentication, password): return self.check_secret()

    def onGetAttributeAccess(self, e):
        known = self.settings.authentication == Authentication.LOW
        writable = isinstance(e.target, GXDLMSClock) or e.target.logicalName == NOTE
        return AccessMode.READ_WRITE if known and writable and e.index == 2 else AccessMode.READ

    def onGetMethodAccess(self, e):
        known = self.settings.authentication == Authentication.LOW
        return MethodAccessMode.ACCESS if known and isinstance(e.target, Relay) else MethodAccessMode.NO_ACCESS

    def onFindObject(self, kind, short, code):
        return self.association if kind == ObjectType.ASSOCIATION_LOGICAL_NAME and code == "0.0.40.0.0.255" else None

    def onPreRead(self, args=None): pass
    def onPostRead(self, args=None): pass
    def onPreGet(self, args): pass
    def onPostGet(self, args): pass
    def onPreWrite(self, args): pass
    def onPostWrite(self, args): pass
    def onPreAction(self, args): pass
    def onPostAction(self, args): pass
    def onConnected(self, info): pass
    def onInvalidConnection(self, info): pass
    def onDisconnected(self, info): pass

    def handleAarqRequest(self, data, info):
        # REPAIR: the package's AARE hides the diagnostic of a refusal. Parsing stays the package's.
        s = self.settings
        s.password = None
        s.connected &= ~ConnectionState.DLMS
        result, diagnostic = 0, 0
        try:
            found = _GXAPDU.parsePDU(s, s.cipher, data, None)
            if found in (SourceDiagnostic.NONE, None):
                found = self.check_secret()
            if found != SourceDiagnostic.NONE:
                result, diagnostic = 1, int(found)
        except Exception as error:  # the package raises for refusals of its own
            result, diagnostic = 1, int(getattr(error, "diagnostic", 1) or 1)
        if not result:
            s.connected |= ConnectionState.DLMS
            self.association.associationStatus = AssociationStatus.ASSOCIATED
        body = bytes.fromhex("A109060760857405080101") + bytes(
            [0xA2, 3, 2, 1, result, 0xA3, 5, 0xA1, 3, 2, 1, diagnostic])
        if not result:
            s.maxPduSize = min(s.maxPduSize or 0xFFFF, self.options.pdu)
            initiate = bytes(_GXAPDU.getUserInformation(s, None))
            body += bytes([0xBE, len(initiate) + 2, 4, len(initiate)]) + initiate
        self.replyData.set(LLC_REPLY + bytearray([0x61, len(body)]) + bytearray(body))

    def handleReleaseRequest(self, data):
        # REPAIR: the package forgets the LLC octets here.
        self.replyData.set(LLC_REPLY + bytearray.fromhex("6303800100"))

    def write_parameters(self):
        link, out = self.settings.hdlc, self.replyData
        out.clear()
        for octet in (0x81, 0x80, 0):
            out.setUInt8(octet)
        out.setUInt8(_HDLCInfo.MAX_INFO_TX), GXDLMS.appendHdlcParameter(out, link.maxInfoTX)
        out.setUInt8(_HDLCInfo.MAX_INFO_RX), GXDLMS.appendHdlcParameter(out, link.maxInfoRX)
        out.setUInt8(_HDLCInfo.WINDOW_SIZE_TX), out.setUInt8(4), out.setUInt32(link.windowSizeTX)
        out.setUInt8(_HDLCInfo.WINDOW_SIZE_RX), out.setUInt8(4), out.setUInt32(link.windowSizeRX)
        out.setUInt8(len(out) - 3, 2)

    def handleSnrmRequest(self, data):
        # REPAIR: the package reads link settings it never made.
        link, limit = self.settings.hdlc, self.options.max_info
        link.maxInfoTX = link.maxInfoRX = 128
        if data and len(data):
            GXDLMS.parseSnrmUaResponse(data, link)
        link.maxInfoTX, link.maxInfoRX = min(link.maxInfoTX, limit), min(link.maxInfoRX, limit)
        link.windowSizeTX = link.windowSizeRX = 1
        GXDLMSServer.reset(self, True)
        self.write_parameters()
        self.settings.connected = ConnectionState.HDLC

    def generateDisconnectRequest(self): self.write_parameters()

    def handleCommand(self, command, data, reply):
        if command == Command.GET_REQUEST and not self.settings.connected & ConnectionState.DLMS:
            # REPAIR: the package would answer without an association.
            self.replyData.clear()
            self.replyData.set(LLC_REPLY + bytearray([0xD8, 1, 2]))
            return GXDLMS.getHdlcFrame(self.settings, 0, self.replyData)
        return super().handleCommand(command, data, reply)

    def handleRequest(self, reply):
        reply.setReply = lambda v: setattr(reply, "reply", v)
        reply.getConnectionInfo = lambda: None
        return super().handleRequest(reply)

    def answer(self, chunk):
        reply = GXServerReply(chunk)
        self.handleRequest(reply)
        return bytes(reply.reply) if reply.reply else b""


def serve(options):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4)

    def one(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        meter = Meter(options)
        with connection:
            while chunk := connection.recv(4096):
                out = meter.answer(chunk)
                if out:
                    connection.sendall(out)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print("ready", listener.getsockname()[1], flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--password", default="12345678")
    options.add_argument("--max-info", type=int, default=128)
    options.add_argument("--pdu", type=int, default=1024)
    options = options.parse_args()
    repair_package()
    serve(options)
    sys.stdin.buffer.read()
    os._exit(0)


main()
