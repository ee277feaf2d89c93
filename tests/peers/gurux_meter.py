#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A DLMS meter built on the PyPI package gurux-dlms, run as a process of its own by the peer tests.

    gurux_meter.py [--password 12345678] [--max-info 128] [--pdu 1024]

Listens on two free ports of 127.0.0.1, HDLC over TCP and the TCP wrapper, and prints `ready HDLC WRAPPER`;
ends when its standard input closes, so that it never outlives the test that started it.

| client | proves itself by | services |
|---|---|---|
| 16 | nothing | may only read |
| 17 | LLS | may write the note and the clock and switch the relay, as all below |
| 18 | HLS: MD5, SHA-1, GMAC, SHA-256 or ECDSA, as the client proposes | in clear |
| 1, 2, 3 | HLS GMAC | authenticated and encrypted, authenticated, encrypted; answered in the form asked |
| 4 | HLS ECDSA | authenticated and encrypted, by suite 1 |
| 5 | HLS GMAC | authenticated and encrypted, by suite 2 |

All connections see the same objects. Framing, sequence numbers, the AARQ parser, object encoding, the object
list, block transfer, the HLS functions and the ciphering are the package's own; nothing of it is linked into
obiscope. Version 1.0.203 cannot serve as shipped: what is repaired here is marked REPAIR with why.
"""
import argparse
import datetime
import os
import socket
import sys
import threading

from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms import GXByteBuffer, GXDateTime, GXServerReply, ValueEventArgs
from gurux_dlms.ConnectionState import ConnectionState
from gurux_dlms.GXCiphering import GXCiphering
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.GXDLMSLNParameters import GXDLMSLNParameters
from gurux_dlms.GXDLMSLongTransaction import GXDLMSLongTransaction
from gurux_dlms.GXDLMSServer import GXDLMSServer
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.GXSecure import GXSecure
from gurux_dlms._GXAPDU import _GXAPDU
from gurux_dlms._HDLCInfo import _HDLCInfo
from gurux_dlms.ecdsa.GXEcdsa import GXEcdsa
from gurux_dlms.ecdsa.GXPrivateKey import GXPrivateKey
from gurux_dlms.enums import (AccessMode, Authentication, Command, Conformance, DataType, ErrorCode,
                              InterfaceType, MethodAccessMode, ObjectType, Security, SourceDiagnostic, Unit)
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.objects import (GXDLMSAssociationLogicalName, GXDLMSClock, GXDLMSData,
                                GXDLMSDisconnectControl, GXDLMSHdlcSetup, GXDLMSObjectCollection,
                                GXDLMSProfileGeneric, GXDLMSRegister)
from gurux_dlms.objects.enums import AssociationStatus, SecuritySuite
from gurux_dlms.secure.GXDLMSSecureServer import GXDLMSSecureServer

NOTE = "0.0.96.1.9.255"
TITLE = bytes.fromhex("4752580000000001")
KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
AUTHENTICATION_KEY = bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
COUNTER = "0.0.43.1.0.255"
# The key of RFC 6979, A.2.5; of the client's only the public half is used.
SIGNING_KEY = GXPrivateKey.fromRawBytes(bytes.fromhex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"))
CLIENT_SIGNING_KEY = GXPrivateKey.fromRawBytes(bytes([0x11]) * 32)
HIGH = (Authentication.HIGH_MD5, Authentication.HIGH_SHA1, Authentication.HIGH_GMAC, Authentication.HIGH_SHA256,
        Authentication.HIGH_ECDSA)
LONG_KEY = KEY + bytes.fromhex("101112131415161718191A1B1C1D1E1F")
LONG_AUTHENTICATION_KEY = AUTHENTICATION_KEY + bytes.fromhex("E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEF")
# Client: how it may prove itself, how services are protected, security suite.
CLIENTS = {
    16: ((Authentication.NONE,), Security.NONE, 0),
    17: ((Authentication.LOW,), Security.NONE, 0),
    18: (HIGH, Security.NONE, 0),
    1: ((Authentication.HIGH_GMAC,), Security.AUTHENTICATION_ENCRYPTION, 0),
    2: ((Authentication.HIGH_GMAC,), Security.AUTHENTICATION, 0),
    3: ((Authentication.HIGH_GMAC,), Security.ENCRYPTION, 0),
    4: ((Authentication.HIGH_ECDSA,), Security.AUTHENTICATION_ENCRYPTION, 1),
    5: ((Authentication.HIGH_GMAC,), Security.AUTHENTICATION_ENCRYPTION, 2),
}
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
    repair_ciphering()


def uses_dedicated_key(settings):
    return settings.cipher.dedicatedKey and settings.connected & ConnectionState.DLMS


def repair_ciphering():
    """REPAIR: a request is opened with too few parameters, and answered in a form chosen without looking at it."""
    def open_request(settings, data):
        data.data.position -= 1
        if data.moreData & 1:
            return
        cipher = settings.cipher
        key = cipher.dedicatedKey if uses_dedicated_key(settings) else cipher.blockCipherKey
        how = AesGcmParameter(0, settings.sourceSystemTitle, key, cipher.authenticationKey)
        plain = GXCiphering.decrypt(settings, how, data.data)
        counter = OBJECTS.findByLN(ObjectType.DATA, COUNTER)
        if how.invocationCounter <= counter.value:
            raise ValueError("an invocation counter came again")
        counter.value = how.invocationCounter
        data.data.clear(), data.data.set(plain)
        data.command = Command(data.data.getUInt8())

    def parameters(answer):
        settings, cipher = answer.settings, answer.settings.cipher
        dedicated = uses_dedicated_key(settings)
        if getattr(settings, "asked_in_general_form", False):
            command = Command.GENERAL_DED_CIPHERING if dedicated else Command.GENERAL_GLO_CIPHERING
        else:
            command = (GXDLMS.getDedMessage if dedicated else GXDLMS.getGloMessage)(answer.command)
        key = cipher.dedicatedKey if dedicated else cipher.blockCipherKey
        how = AesGcmParameter(command, cipher.systemTitle, key, cipher.authenticationKey)
        how.security, how.securitySuite, how.invocationCounter = cipher.security, cipher.securitySuite, cipher.invocationCounter
        return how

    plain_get_pdu = GXDLMS.getPdu

    def get_pdu(settings, data):
        whole = data.data.position < data.data.size and not data.moreData & 1
        if settings.isServer and data.command == Command.NONE and whole:
            tag = data.data.getUInt8(data.data.position)
            if 0xC8 <= tag <= 0xDC:
                settings.asked_in_general_form = tag >= 0xDB
        return plain_get_pdu(settings, data)

    GXDLMS.handleGloDedRequest = staticmethod(open_request)
    GXDLMS._GXDLMS__getCipheringParameters = staticmethod(parameters)
    GXDLMS.getPdu = staticmethod(get_pdu)


class Cipher(GXCiphering):
    def reset(self):
        # REPAIR: the package's reset also takes the invocation counter back to 0.
        self.security, self.dedicatedKey = Security.NONE, None


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

    # REPAIR: the handler of ACTION asks this name, which the class does not have.
    def getAssociationStatus(self): return self.associationStatus

    def proof(self, settings, counter, challenge, by_client):
        cipher, kind = settings.cipher, settings.authentication
        client, meter = bytes(settings.sourceSystemTitle or b""), bytes(cipher.systemTitle)
        to_meter, to_client = bytes(settings.ctoSChallenge), bytes(settings.stoCChallenge)
        tail = client + meter + to_client + to_meter if by_client else meter + client + to_meter + to_client
        if kind == Authentication.HIGH_SHA256:
            secret = bytes(self.secret) + tail
        elif kind == Authentication.HIGH_ECDSA:
            return tail if by_client else bytes(GXEcdsa(SIGNING_KEY).sign(tail))
        elif kind == Authentication.HIGH_GMAC:
            secret = client if by_client else meter
        else:
            secret = self.secret
        return bytes(GXSecure.secure(settings, cipher, counter, challenge, secret))

    def invoke(self, settings, e):
        # REPAIR: the package only knows the client's side of reply_to_HLS_authentication.
        got, cipher = bytes(e.parameters or b""), settings.cipher
        gmac = settings.authentication == Authentication.HIGH_GMAC
        counter = int.from_bytes(got[1:5], "big") if gmac else 0
        due = self.proof(settings, counter, settings.stoCChallenge, True)
        if settings.authentication == Authentication.HIGH_ECDSA:
            proven = GXEcdsa(CLIENT_SIGNING_KEY.getPublicKey()).verify(GXByteBuffer(got), due)
        else:
            proven = got == due
        if e.index != 1 or not proven:
            self.associationStatus = AssociationStatus.NON_ASSOCIATED
            e.error = ErrorCode.READ_WRITE_DENIED
            return None
        self.associationStatus = AssociationStatus.ASSOCIATED
        counter = cipher.invocationCounter if gmac else 0
        cipher.invocationCounter += gmac
        return bytearray(self.proof(settings, counter, settings.ctoSChallenge, False))


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
    counter = GXDLMSData(COUNTER)
    counter.value = 0
    counter.setDataType(2, DataType.UINT32)
    objects.append(counter)
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

    counter = 1

    def __init__(self, options, link):
        self.options = options
        super().__init__(True, link)
        s = self.settings
        # REPAIR: the secure server fills `ciphering`, every handler reads `cipher`.
        s.cipher = s.ciphering = Cipher(TITLE)
        s.cipher.blockCipherKey, s.cipher.authenticationKey = KEY, AUTHENTICATION_KEY
        s.cipher.invocationCounter = Meter.counter
        s.objects = GXDLMSObjectCollection()
        s.objects.extend(OBJECTS)
        s.proposedConformance = (Conformance.GENERAL_PROTECTION | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ | Conformance.SELECTIVE_ACCESS
                                 | Conformance.MULTIPLE_REFERENCES | Conformance.GET | Conformance.SET
                                 | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE | Conformance.ACTION)
        s.maxServerPDUSize = options.pdu
        self.association = Association()
        self.association.secret = bytearray(options.password.encode())
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
        self.wanted, self.protection, self.suite = CLIENTS.get(client, (None, Security.NONE, 0))
        cipher = self.settings.cipher
        cipher.securitySuite = SecuritySuite(self.suite)
        cipher.blockCipherKey = LONG_KEY if self.suite == 2 else KEY
        cipher.authenticationKey = LONG_AUTHENTICATION_KEY if self.suite == 2 else AUTHENTICATION_KEY
        self.association.clientSAP = client
        return self.wanted is not None  # unknown clients meet silence, as at many real meters

    def check_secret(self):
        s = self.settings
        if s.authentication not in self.wanted:
            return SourceDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
        if s.authentication == Authentication.LOW and bytes(s.password or b"") != self.options.password.encode():
            return SourceDiagnostic.AUTHENTICATION_FAILURE
        return SourceDiagnostic.NONE

    def onValidateAuthentication(self, authentication, password): return self.check_secret()

    def onGetAttributeAccess(self, e):
        known = self.settings.authentication != Authentication.NONE
        writable = isinstance(e.target, GXDLMSClock) or e.target.logicalName == NOTE
        return AccessMode.READ_WRITE if known and writable and e.index == 2 else AccessMode.READ

    def onGetMethodAccess(self, e):
        known = self.settings.authentication != Authentication.NONE
        callable_here = isinstance(e.target, (Relay, Association))
        return MethodAccessMode.ACCESS if known and callable_here else MethodAccessMode.NO_ACCESS

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

    def reply_head(self):
        return bytearray() if self.settings.interfaceType == InterfaceType.WRAPPER else bytearray(LLC_REPLY)

    def handleAarqRequest(self, data, info):
        # REPAIR: the package's AARE hides the diagnostic of a refusal and gets lengths wrong. Parsing stays the package's.
        s, cipher = self.settings, self.settings.cipher
        if s.interfaceType == InterfaceType.WRAPPER:
            GXDLMSServer.reset(self, True)
        s.password = None
        s.setCtoSChallenge(None)
        cipher.dedicatedKey = None
        s.connected &= ~ConnectionState.DLMS
        result, diagnostic = 0, 0
        try:
            found = _GXAPDU.parsePDU(s, cipher, data, None)
            if found in (SourceDiagnostic.NONE, None):
                found = self.check_secret()
            if found != SourceDiagnostic.NONE:
                result, diagnostic = 1, int(found)
        except Exception as error:  # the package raises for refusals of its own
            result, diagnostic = 1, int(getattr(error, "diagnostic", 1) or 1)
        # REPAIR: parsing takes the suite back to 0.
        cipher.securitySuite = SecuritySuite(self.suite)
        cipher.security = self.protection
        pending = not result and s.authentication > Authentication.LOW
        if pending:
            diagnostic = int(SourceDiagnostic.AUTHENTICATION_REQUIRED)
            s.setStoCChallenge(bytearray(os.urandom(16)))
            self.association.associationStatus = AssociationStatus.ASSOCIATION_PENDING
        elif not result:
            s.connected |= ConnectionState.DLMS
            self.association.associationStatus = AssociationStatus.ASSOCIATED
        ciphered = self.protection != Security.NONE
        body = bytes.fromhex("A109060760857405080103" if ciphered else "A109060760857405080101") + bytes(
            [0xA2, 3, 2, 1, result, 0xA3, 5, 0xA1, 3, 2, 1, diagnostic])
        if pending:
            body += bytes.fromhex("A40A0408") + TITLE
            body += bytes.fromhex("880207808907608574050802") + bytes([int(s.authentication)])
            body += bytes.fromhex("AA128010") + bytes(s.stoCChallenge)
        if not result:
            s.maxPduSize = min(s.maxPduSize or 0xFFFF, self.options.pdu)
            initiate = bytes(_GXAPDU.getUserInformation(s, None))
            if ciphered:
                # REPAIR: the package seals its answer under suite 0, whatever was agreed.
                how = AesGcmParameter(Command.GLO_INITIATE_RESPONSE, cipher.systemTitle, cipher.blockCipherKey,
                                      cipher.authenticationKey)
                how.security, how.securitySuite = cipher.security, cipher.securitySuite
                how.invocationCounter = cipher.invocationCounter
                initiate = bytes(GXCiphering.encrypt(how, initiate))
                cipher.invocationCounter += 1
            body += bytes([0xBE, len(initiate) + 2, 4, len(initiate)]) + initiate
        self.replyData.set(self.reply_head() + bytearray([0x61, len(body)]) + bytearray(body))

    def handleReleaseRequest(self, data):
        # REPAIR: the package forgets the LLC octets here.
        self.replyData.set(self.reply_head() + bytearray.fromhex("6303800100"))

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
        s = self.settings
        pending = self.association.associationStatus == AssociationStatus.ASSOCIATION_PENDING
        proving = command == Command.METHOD_REQUEST and pending
        services = (Command.GET_REQUEST, Command.SET_REQUEST, Command.METHOD_REQUEST)
        if command in services and not s.connected & ConnectionState.DLMS and not proving:
            # REPAIR: the package would answer without an association.
            self.replyData.clear()
            self.replyData.set(self.reply_head() + bytearray([0xD8, 1, 2]))
            if s.interfaceType == InterfaceType.WRAPPER:
                return GXDLMS.getWrapperFrame(s, command, self.replyData)
            return GXDLMS.getHdlcFrame(s, 0, self.replyData)
        return super().handleCommand(command, data, reply)

    def handleRequest(self, reply):
        reply.setReply = lambda v: setattr(reply, "reply", v)
        reply.getConnectionInfo = lambda: None
        return super().handleRequest(reply)

    def answer(self, chunk):
        reply = GXServerReply(chunk)
        self.handleRequest(reply)
        Meter.counter = max(Meter.counter, self.settings.cipher.invocationCounter)
        return bytes(reply.reply) if reply.reply else b""


def serve(options, link):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4)

    def one(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        meter = Meter(options, link)
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
    return listener.getsockname()[1]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--password", default="12345678")
    options.add_argument("--max-info", type=int, default=128)
    options.add_argument("--pdu", type=int, default=1024)
    options = options.parse_args()
    repair_package()
    print("ready", serve(options, InterfaceType.HDLC), serve(options, InterfaceType.WRAPPER), flush=True)
    # The package prints as it goes, and nobody reads on.
    sys.stdout = open(os.devnull, "w")
    sys.stdin.buffer.read()
    os._exit(0)


main()
