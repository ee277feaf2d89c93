//! The link as client, fed any frames, bytes and times: no panic, whoever waits has a timer, every wait ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::dlms::hdlc::link::{Link, LinkConfig, LinkState};
use rooms::dlms::hdlc::{ClientAddress, Parameters};
use rooms::{Meter, Script, bounded};
use std::time::{Duration, Instant};

struct Line {
    link: Link,
    meter: Meter,
    now: Instant,
}

impl Line {
    fn act(&mut self, script: &mut Script<'_>) {
        let Self { link, meter, now } = self;
        let now = *now;
        match script.byte() % 12 {
            0 => drop(link.connect(now)),
            1 => drop(link.send(now, &vec![0xC0; script.word().into()])),
            2 => drop(link.poll(now)),
            3 => link.disconnect(now),
            4 => link.reset(),
            5 => self.wait(),
            6 => {
                self.now += script.time();
                self.link.handle_timeout(self.now);
            }
            7 => link.handle_bytes(now, script.piece()),
            8 => {
                let (control, segmented) = (script.byte(), script.flag());
                link.handle_bytes(now, &meter.frame(control, segmented, script.piece()));
            }
            9 => {
                let (lag, segmented) = (script.byte(), script.flag());
                link.handle_bytes(now, &meter.due(lag, segmented, script.piece()));
            }
            10 => link.handle_bytes(now, &meter.accept(script.piece())),
            _ => {
                let size = script.byte();
                link.handle_bytes(now, &meter.answer(script.piece(), size.into()));
            }
        }
        self.settle();
    }

    fn wait(&mut self) {
        if let Some(due) = self.link.poll_timeout() {
            self.now = self.now.max(due);
            self.link.handle_timeout(self.now);
        }
    }

    fn settle(&mut self) {
        let mut sent = 0;
        while let Some(bytes) = self.link.poll_transmit() {
            self.meter.hear(bytes);
            sent += 1;
            assert!(sent < 10_000, "it goes on sending");
        }
        let mut events = 0;
        while self.link.poll_event().is_some() {
            events += 1;
            assert!(events < 100_000, "it goes on telling");
        }
        let waits = !matches!(
            self.link.state(),
            LinkState::Disconnected | LinkState::Connected
        );
        assert!(!waits || self.link.poll_timeout().is_some());
    }
}

fuzz_target!(|input: &[u8]| {
    bounded(|| {
        let mut script = Script::new(input);
        let mut config = LinkConfig::new(ClientAddress::new(1).unwrap(), "1".parse().unwrap());
        config.quiet = Duration::from_millis(script.byte().into());
        let window = script.byte() & 7;
        if window > 0 {
            config.propose = Some(Parameters {
                window_transmit: window,
                window_receive: window,
                max_info_receive: script.word().clamp(32, 2030),
                ..Parameters::default()
            });
        }
        let mut line = Line {
            link: Link::new(config),
            meter: Meter::default(),
            now: Instant::now(),
        };
        while !script.is_over() {
            line.act(&mut script);
        }
        for _ in 0..200 {
            line.wait();
            line.settle();
        }
        assert_eq!(line.link.poll_timeout(), None, "{:?}", line.link);
    });
});
