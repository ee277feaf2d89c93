//! The meter's end of the data link (secondary station, normal response mode): it speaks only when polled, and its last
//! answer stays at hand until the client's N(R) says it arrived, so that whatever is asked again is answered the same.

use super::answer::Answer;
use super::application::Application;
use super::outbox::{Outbox, Way};
use super::peer::Peer;
use crate::dlms::hdlc::frame_reject::FrameReject;
use crate::dlms::hdlc::{Control, Frame, Parameters};
use crate::simulator::profile::{Client, Profile};
use std::time::Instant;

/// What precedes an APDU from the client, and one from the meter.
const COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];
const RESPONSE: [u8; 3] = [0xE6, 0xE7, 0x00];

/// A request's buffer that grew beyond this is given back.
const KEPT: usize = 2048;

const BAD_CONTROL: u8 = 0x01;
const NO_INFORMATION: u8 = 0x02;
const TOO_LONG: u8 = 0x04;
const BAD_RECEIVE: u8 = 0x08;

#[derive(Debug, Default)]
pub(super) struct Secondary {
    peer: Option<Peer>,
    /// Segments of a request that is not complete.
    request: Vec<u8>,
    /// The last answer, with its LLC headers.
    answer: Answer,
    outbox: Outbox,
}

impl Secondary {
    /// What waits to be sent. It is lost with the byte stream; the link is not.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    pub fn due(&self) -> Option<Instant> {
        self.outbox.due()
    }

    /// The end of the link if nothing more is heard.
    pub fn deadline(&self, profile: &Profile) -> Option<Instant> {
        let peer = self.peer.as_ref()?;
        if profile.inactivity.is_zero() {
            return None;
        }
        peer.heard.checked_add(profile.inactivity)
    }

    /// The link is over; what is on its way out still goes.
    pub fn drop_link(&mut self) {
        self.peer = None;
        self.request = Vec::new();
        self.answer = Answer::default();
    }

    /// Takes one frame (format … FCS). What is damaged or meant for another is not heard at all.
    pub fn frame(&mut self, now: Instant, octets: &[u8], profile: &Profile, app: &mut Application) {
        let Ok(frame) = Frame::parse(octets) else {
            return;
        };
        let intact = frame.fcs_ok() && frame.hcs_ok() != Some(false);
        let &[source] = frame.source() else {
            return;
        };
        if !intact || !profile.answers_to(frame.destination()) {
            return;
        }
        let way = Way {
            client: frame.source(),
            server: frame.destination(),
        };
        let control = frame.control();
        let sap = source >> 1;
        let taken = self.peer.as_ref().is_some_and(|peer| peer.sap != sap);
        let Some(client) = profile.client(sap).filter(|_| !taken) else {
            if control.poll() && !profile.refuses_silently() {
                self.say(now, profile, way, Control::Dm { poll: true }, &[]);
            }
            return;
        };
        match control {
            Control::Snrm { .. } => self.connect(now, profile, way, sap, frame.information(), app),
            Control::Disc { .. } => self.disconnect(now, profile, way, app),
            _ if self.peer.is_none() => {
                if control.poll() {
                    self.say(now, profile, way, Control::Dm { poll: true }, &[]);
                }
            }
            _ => self.linked(now, profile, way, client, &frame, app),
        }
    }

    fn connect(
        &mut self,
        now: Instant,
        profile: &Profile,
        way: Way<'_>,
        sap: u8,
        information: &[u8],
        app: &mut Application,
    ) {
        let Ok(proposed) = Parameters::decode(information) else {
            return;
        };
        let parameters = Parameters::negotiate(&profile.link, &proposed);
        self.drop_link();
        app.reset();
        self.peer = Some(Peer::new(sap, parameters, now));
        let mut group = Vec::with_capacity(23);
        if profile.short_parameters() {
            parameters.encode_short(&mut group);
        } else {
            parameters.encode(&mut group);
        }
        self.say(now, profile, way, Control::Ua { poll: true }, &group);
    }

    fn disconnect(&mut self, now: Instant, profile: &Profile, way: Way<'_>, app: &mut Application) {
        let Some(peer) = self.peer.take() else {
            return self.say(now, profile, way, Control::Dm { poll: true }, &[]);
        };
        self.drop_link();
        app.reset();
        let mut group = Vec::new();
        if profile.short_parameters() {
            peer.parameters.encode_short(&mut group);
        }
        self.say(now, profile, way, Control::Ua { poll: true }, &group);
    }

    /// A frame from the client that holds the link.
    fn linked(
        &mut self,
        now: Instant,
        profile: &Profile,
        way: Way<'_>,
        client: &Client,
        frame: &Frame<'_>,
        app: &mut Application,
    ) {
        let Some(peer) = &mut self.peer else {
            return;
        };
        peer.heard = now;
        let control = frame.control();
        let information = frame.information();
        if let Some(reject) = peer.rejecting {
            if control.poll() {
                self.say(
                    now,
                    profile,
                    way,
                    Control::Frmr { poll: true },
                    &reject.encode(),
                );
            }
            return;
        }
        let refused = match control {
            Control::Information { .. }
                if information.len() > usize::from(peer.parameters.max_info_receive) =>
            {
                Some(TOO_LONG)
            }
            Control::Information {
                send,
                receive,
                poll,
            } => {
                if send == peer.receive {
                    self.take(now, profile, way, client, frame, app)
                } else {
                    // The last one again: our answer was lost, so what is not acknowledged goes once more. Any other
                    // number is out of order, and RR tells the one that is due.
                    if send == peer.receive.wrapping_sub(1) & 7 {
                        peer.acknowledge(receive, &self.answer);
                        peer.rewind();
                    }
                    if poll {
                        self.answer(now, profile, way);
                    }
                    None
                }
            }
            Control::ReceiveReady { .. } | Control::ReceiveNotReady { .. }
                if !information.is_empty() =>
            {
                Some(NO_INFORMATION)
            }
            Control::ReceiveReady { receive, poll }
            | Control::ReceiveNotReady { receive, poll } => {
                let ready = matches!(control, Control::ReceiveReady { .. });
                if peer.acknowledge(receive, &self.answer) {
                    // The client polls only after all it was sent, so what it does not acknowledge is lost.
                    peer.rewind();
                    if poll && ready {
                        self.answer(now, profile, way);
                    } else if poll {
                        self.ready(now, profile, way);
                    }
                    None
                } else {
                    Some(BAD_RECEIVE)
                }
            }
            Control::Reject { .. } | Control::SelectiveReject { .. } | Control::Unknown(_) => {
                Some(BAD_CONTROL)
            }
            // Datagrams ask nothing, and responses are an echo of ourselves.
            _ => None,
        };
        if let Some(reasons) = refused {
            self.reject(now, profile, way, control, reasons, app);
        }
    }

    /// The I frame that was due. Returns why it is refused, if it is.
    fn take(
        &mut self,
        now: Instant,
        profile: &Profile,
        way: Way<'_>,
        client: &Client,
        frame: &Frame<'_>,
        app: &mut Application,
    ) -> Option<u8> {
        let peer = self.peer.as_mut()?;
        let Control::Information { receive, poll, .. } = frame.control() else {
            return None;
        };
        if !peer.acknowledge(receive, &self.answer) && !profile.ignores_stale_acknowledgement() {
            return Some(BAD_RECEIVE);
        }
        let information = frame.information();
        if self.request.len() + information.len() > usize::from(profile.max_pdu) + COMMAND.len() {
            self.request = Vec::new();
            return Some(TOO_LONG);
        }
        peer.receive = (peer.receive + 1) & 7;
        // A new request means the old answer is done with, whether its last part was acknowledged or not.
        peer.acknowledged = peer.send;
        (peer.done, peer.sent) = (0, 0);
        self.answer.clear();
        if frame.segmented() || !self.request.is_empty() {
            self.request.extend_from_slice(information);
        }
        if !frame.segmented() {
            let whole = if self.request.is_empty() {
                information
            } else {
                &self.request
            };
            // Without its header, or with nothing behind it, there is nothing to answer but that the frame came.
            if let Some(apdu) = whole.strip_prefix(&COMMAND).filter(|apdu| !apdu.is_empty()) {
                let mut more = self.answer.add(&RESPONSE, |out| {
                    app.request(now, client, profile, apdu, out);
                });
                while more {
                    more = self.answer.add(&RESPONSE, |out| app.stream(out));
                }
            }
            self.request.clear();
            self.request.shrink_to(KEPT);
        }
        if poll {
            self.answer(now, profile, way);
        }
        None
    }

    /// Sends what the window allows of the answer, or RR when there is nothing left of it.
    fn answer(&mut self, now: Instant, profile: &Profile, way: Way<'_>) {
        let Some(peer) = &mut self.peer else {
            return;
        };
        if peer.sent >= self.answer.len() {
            return self.ready(now, profile, way);
        }
        let size = peer.segment();
        for number in 1..=peer.parameters.window_transmit {
            let (segment, segmented) = self.answer.segment(peer.sent, size);
            let last = peer.sent + segment.len() == self.answer.len();
            let poll = last || number == peer.parameters.window_transmit;
            let control = Control::Information {
                send: peer.send,
                receive: peer.receive,
                poll,
            };
            let when = (now, profile.delay);
            self.outbox.put(when, way, control, segmented, segment);
            peer.sent += segment.len();
            peer.send = (peer.send + 1) & 7;
            if last {
                break;
            }
        }
    }

    fn ready(&mut self, now: Instant, profile: &Profile, way: Way<'_>) {
        let Some(peer) = &self.peer else {
            return;
        };
        let control = Control::ReceiveReady {
            receive: peer.receive,
            poll: true,
        };
        self.say(now, profile, way, control, &[]);
    }

    fn reject(
        &mut self,
        now: Instant,
        profile: &Profile,
        way: Way<'_>,
        rejected: Control,
        reasons: u8,
        app: &mut Application,
    ) {
        let Some(peer) = &mut self.peer else {
            return;
        };
        let reject = FrameReject {
            rejected,
            send: peer.send,
            receive: peer.receive,
            response: false,
            reasons,
        };
        peer.rejecting = Some(reject);
        app.reset();
        self.say(
            now,
            profile,
            way,
            Control::Frmr { poll: true },
            &reject.encode(),
        );
    }

    fn say(
        &mut self,
        now: Instant,
        profile: &Profile,
        way: Way<'_>,
        control: Control,
        information: &[u8],
    ) {
        let when = (now, profile.delay);
        self.outbox.put(when, way, control, false, information);
    }
}
