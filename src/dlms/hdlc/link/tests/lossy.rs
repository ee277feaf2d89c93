//! Against a meter that does everything right, over a line that loses, damages, doubles and delays whole frames:
//! an answer is the right one or there is a failure, for all windows and sizes.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

/// The secondary station of the standard: go-back-N, answers only when polled.
struct Meter {
    parameters: Parameters,
    expected: u8,
    /// N(S) of the oldest octets in `out`.
    oldest: u8,
    sent: u8,
    request: Vec<u8>,
    out: Vec<u8>,
}

/// What the meter answers: every octet turned, and longer or shorter by the first one.
fn reply(request: &[u8]) -> Vec<u8> {
    let mut reply: Vec<u8> = request.iter().map(|octet| !octet).collect();
    reply.resize(
        usize::from(request.first().copied().unwrap_or(0)) * 3 + 1,
        0x7E,
    );
    reply
}

impl Meter {
    fn new(parameters: Parameters) -> Self {
        Self {
            parameters,
            expected: 0,
            oldest: 0,
            sent: 0,
            request: Vec::new(),
            out: Vec::new(),
        }
    }

    fn size(&self) -> usize {
        self.parameters.max_info_transmit.into()
    }

    fn hear(&mut self, octets: &[u8]) -> Vec<Vec<u8>> {
        let frame = Frame::parse(octets).unwrap();
        let mut answers = Vec::new();
        let mut say = |control: Control, segmented: bool, information: &[u8]| {
            let mut bytes = Vec::new();
            frame::build(
                &[0x21],
                &[0x03],
                control,
                segmented,
                information,
                &mut bytes,
            )
            .unwrap();
            answers.push(bytes);
        };
        let receive = match frame.control() {
            Control::Snrm { .. } => {
                *self = Self::new(self.parameters);
                let mut group = Vec::new();
                self.parameters.encode(&mut group);
                say(Control::Ua { poll: true }, false, &group);
                return answers;
            }
            Control::Information { send, receive, .. } => {
                if send == self.expected {
                    self.expected = successor(self.expected);
                    self.request.extend_from_slice(frame.information());
                    if !frame.segmented() {
                        let request = std::mem::take(&mut self.request);
                        // All answered before was acknowledged with this.
                        self.out = [&LLC_RESPONSE, &reply(&request[3..])[..]].concat();
                        self.oldest = receive;
                        self.sent = 0;
                    }
                }
                receive
            }
            Control::ReceiveReady { receive, .. } => receive,
            _ => return answers,
        };
        let acknowledged = ahead(self.oldest, receive);
        if acknowledged <= self.sent {
            self.out
                .drain(..(usize::from(acknowledged) * self.size()).min(self.out.len()));
            self.oldest = receive;
        }
        self.sent = 0;
        if frame.control().poll() {
            let segments: Vec<&[u8]> = self.out.chunks(self.size()).collect();
            let window = usize::from(self.parameters.window_transmit).min(segments.len());
            for (number, segment) in segments.iter().take(window).enumerate() {
                let control = Control::Information {
                    send: (self.oldest + self.sent) & 7,
                    receive: self.expected,
                    poll: number + 1 == window,
                };
                say(control, number + 1 < segments.len(), segment);
                self.sent += 1;
            }
            if window == 0 {
                say(
                    Control::ReceiveReady {
                        receive: self.expected,
                        poll: true,
                    },
                    false,
                    &[],
                );
            }
        }
        answers
    }
}

/// What becomes of one frame.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Good,
    Lost,
    Damaged(usize),
    Doubled,
    /// Milliseconds it takes.
    Slow(u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Good),
        1 => Just(Fate::Lost),
        1 => any::<usize>().prop_map(Fate::Damaged),
        1 => Just(Fate::Doubled),
        1 => (0u64..12_000).prop_map(Fate::Slow),
    ]
}

/// A line of two directions, each in order, each frame with its fate.
struct Wire<'a> {
    fates: std::iter::Cycle<std::slice::Iter<'a, Fate>>,
    free: [Instant; 2],
    on_the_way: [VecDeque<(Instant, Vec<u8>)>; 2],
}

impl Wire<'_> {
    fn put(&mut self, direction: usize, now: Instant, mut bytes: Vec<u8>) {
        let mut copies = 1;
        match self.fates.next().unwrap() {
            Fate::Good => {}
            Fate::Lost => copies = 0,
            Fate::Damaged(place) => {
                let place = place % bytes.len();
                bytes[place] ^= 0x10;
            }
            Fate::Doubled => copies = 2,
            Fate::Slow(delay) => {
                self.free[direction] =
                    self.free[direction].max(now) + Duration::from_millis(*delay);
            }
        }
        let at = self.free[direction].max(now) + Duration::from_millis(5);
        self.free[direction] = at;
        for _ in 0..copies {
            self.on_the_way[direction].push_back((at, bytes.clone()));
        }
    }
}

fn parameters() -> impl Strategy<Value = Parameters> {
    (32u16..200, 32u16..200, 1u8..=7, 1u8..=7).prop_map(|(transmit, receive, sends, receives)| {
        Parameters {
            max_info_transmit: transmit,
            max_info_receive: receive,
            window_transmit: sends,
            window_receive: receives,
        }
    })
}

/// Runs the conversation; how many answers came.
fn converse(
    ours: Parameters,
    meter: Parameters,
    requests: &[Vec<u8>],
    fates: &[Fate],
) -> Result<usize, TestCaseError> {
    let mut line = Line::new(Some(ours));
    line.link.config.retries = 4;
    let start = line.now;
    let mut meter = Meter::new(Parameters::negotiate(&meter, &ours));
    let mut hearing = Decoder::new();
    let mut wire = Wire {
        fates: fates.iter().cycle(),
        free: [start; 2],
        on_the_way: Default::default(),
    };
    let mut answered = 0;
    line.link.connect(line.now).unwrap();
    for _ in 0..100_000 {
        while let Some(bytes) = line.link.poll_transmit() {
            // Frame by frame, so that each has its own fate.
            let mut decoder = Decoder::new();
            decoder.push(bytes);
            let mut frames = Vec::new();
            while let Some(Item::Frame { octets, .. }) = decoder.next() {
                frames.push([&[0x7E], octets, &[0x7E]].concat());
            }
            for frame in frames {
                wire.put(0, line.now, frame);
            }
        }
        while let Some(event) = line.link.poll_event() {
            match event {
                LinkEvent::Apdu => {
                    prop_assert_eq!(line.link.apdu(), reply(&requests[answered]));
                    answered += 1;
                }
                LinkEvent::Unnumbered(_) => prop_assert!(false, "nothing was pushed"),
                LinkEvent::Failed(_) => return Ok(answered),
                _ => {}
            }
            if answered == requests.len() {
                return Ok(answered);
            }
        }
        if line.link.state() == LinkState::Connected && line.link.due == Due::Nothing {
            line.send(&requests[answered]);
            continue;
        }
        let next = |direction: usize| wire.on_the_way[direction].front().map(|(at, _)| *at);
        let timeout = line.link.poll_timeout();
        let at = [next(0), next(1), timeout]
            .into_iter()
            .flatten()
            .min()
            .expect("somebody waits");
        line.now = line.now.max(at);
        if next(0) == Some(at) {
            let (_, bytes) = wire.on_the_way[0].pop_front().unwrap();
            hearing.push(&bytes);
            // A meter gives up on half a frame at the next flag's silence.
            hearing.flush();
            while let Some(item) = hearing.next() {
                if let Item::Frame { octets, .. } = item
                    && let Ok(frame) = Frame::parse(octets)
                    && frame.fcs_ok()
                {
                    for answer in meter.hear(octets) {
                        wire.put(1, line.now, answer);
                    }
                }
            }
        } else if next(1) == Some(at) {
            let (_, bytes) = wire.on_the_way[1].pop_front().unwrap();
            line.link.handle_bytes(line.now, &bytes);
        } else {
            line.link.handle_timeout(line.now);
        }
    }
    prop_assert!(false, "it neither ends nor fails");
    Ok(answered)
}

fn requests() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..12)
}

proptest! {
    #![proptest_config(crate::dlms::hdlc::fixed_cases(96))]

    #[test]
    fn a_good_line_answers_everything(ours in parameters(), meter in parameters(), requests in requests()) {
        prop_assert_eq!(converse(ours, meter, &requests, &[Fate::Good])?, requests.len());
    }

    #[test]
    fn a_bad_line_never_gives_a_wrong_answer(
        ours in parameters(),
        meter in parameters(),
        requests in requests(),
        fates in prop::collection::vec(fate(), 1..60),
    ) {
        converse(ours, meter, &requests, &fates)?;
    }

    /// One frame in ten gone: four retries are plenty, nothing fails.
    #[test]
    fn a_line_that_loses_now_and_then_still_answers_everything(
        ours in parameters(),
        meter in parameters(),
        requests in requests(),
        lost in 0usize..10,
    ) {
        let mut fates = vec![Fate::Good; 10];
        fates[lost] = Fate::Lost;
        prop_assert_eq!(converse(ours, meter, &requests, &fates)?, requests.len());
    }
}
