//! What the data link and a session ask of the allocator: nothing, once they have done one exchange of the same size.
//! `allocation_counter` counts this thread only, so tests may run side by side.

#[cfg(test)]
mod steady_state {
    use obiscope::cosem::{AttributeRef, Data, Obis};
    use obiscope::dlms::acse::{Aare, InitiateResponse};
    use obiscope::dlms::association::{Association, Carrier, Config, Event, State};
    use obiscope::dlms::hdlc::{
        ClientAddress, Control, LLC_RESPONSE,
        frame::build,
        link::{Link, LinkConfig, LinkEvent},
    };
    use obiscope::dlms::xdlms::Conformance;
    use std::time::{Duration, Instant};

    const GET: [u8; 13] = [
        0xC0, 0x01, 0xC1, 0x00, 0x03, 0x01, 0x00, 0x20, 0x07, 0x00, 0xFF, 0x02, 0x00,
    ];

    fn connected(now: Instant) -> Link {
        let config = LinkConfig {
            quiet: Duration::ZERO,
            ..LinkConfig::new(ClientAddress::PUBLIC, "1".parse().unwrap())
        };
        let mut link = Link::new(config);
        link.connect(now).unwrap();
        link.poll_transmit();
        link.handle_bytes(now, &[0x7E, 0xA0, 0x07, 0x21, 0x03, 0x73, 0x01, 0x40, 0x7E]);
        assert!(matches!(link.poll_event(), Some(LinkEvent::Connected(_))));
        link
    }

    /// The meter's answers to the first eight requests; then the numbers come round.
    fn answers(apdu: &[u8], segments: usize) -> Vec<Vec<u8>> {
        let information = [&LLC_RESPONSE, apdu].concat();
        let size = information.len().div_ceil(segments);
        let mut send = 0u8;
        (1..=8u8)
            .flat_map(|request| {
                information
                    .chunks(size)
                    .enumerate()
                    .map(|(number, segment)| {
                        let mut out = Vec::new();
                        let control = Control::Information {
                            send,
                            receive: request & 7,
                            poll: true,
                        };
                        build(
                            &[0x21],
                            &[0x03],
                            control,
                            number + 1 < segments,
                            segment,
                            &mut out,
                        )
                        .unwrap();
                        send = (send + 1) & 7;
                        out
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn exchange(link: &mut Link, now: Instant, answers: &[Vec<u8>]) -> usize {
        link.send(now, &GET).unwrap();
        let mut sent = link.poll_transmit().map_or(0, <[u8]>::len);
        for answer in answers {
            link.handle_bytes(now, answer);
            sent += link.poll_transmit().map_or(0, <[u8]>::len);
        }
        assert!(matches!(link.poll_event(), Some(LinkEvent::Apdu)));
        assert!(link.poll_event().is_none());
        sent
    }

    #[test]
    fn a_get_and_its_answer_allocate_nothing() {
        for segments in [1, 3] {
            let now = Instant::now();
            let mut link = connected(now);
            let answers = answers(
                &[0xC4, 0x01, 0xC1, 0x00, 0x05, 0x00, 0x00, 0x34, 0xE4],
                segments,
            );
            let answers: Vec<_> = answers.chunks(segments).collect();
            for answer in &answers {
                exchange(&mut link, now, answer);
            }
            let info = allocation_counter::measure(|| {
                for _ in 0..100 {
                    for answer in &answers {
                        assert_eq!(exchange(&mut link, now, answer), 27 + 9 * (segments - 1));
                    }
                }
            });
            assert_eq!(
                (info.count_total, info.bytes_total),
                (0, 0),
                "{segments} segments"
            );
        }
    }

    /// The meter's whole side of a session: UA, AARE, then an answer to every GET.
    fn answer(send: u8, apdu: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let control = Control::Information {
            send: send & 7,
            receive: (send + 1) & 7,
            poll: true,
        };
        let information = [&LLC_RESPONSE, apdu].concat();
        build(&[0x21], &[0x03], control, false, &information, &mut out).unwrap();
        out
    }

    #[test]
    fn a_get_through_the_association_allocates_nothing() {
        let now = Instant::now();
        let mut client = Association::new(Config {
            max_pdu: 1024,
            max_answer: 4096,
            ..Config::new(Carrier::Hdlc(LinkConfig {
                quiet: Duration::ZERO,
                remind_after: Duration::from_secs(1),
                ..LinkConfig::new(ClientAddress::PUBLIC, "1".parse().unwrap())
            }))
        });
        client.connect(now).unwrap();
        client.poll_transmit();
        client.handle_bytes(now, &[0x7E, 0xA0, 0x07, 0x21, 0x03, 0x73, 0x01, 0x40, 0x7E]);
        client.poll_transmit();
        let mut aare = Vec::new();
        Aare::accepted(InitiateResponse::new(Conformance(0x7E1D), 1024)).encode(&mut aare);
        client.handle_bytes(now, &answer(0, &aare));
        while client.poll_event().is_some() {}
        assert_eq!(client.state(), State::Ready);
        // Invoke-ids come round after 15, sequence numbers after 8.
        let answers: Vec<_> = (0..120_u8)
            .map(|turn| {
                let invoke = 0xC0 | (turn % 15 + 1);
                answer(turn + 1, &[0xC4, 1, invoke, 0, 0x05, 0, 0, 0x34, 0xE4])
            })
            .collect();
        let voltage = AttributeRef {
            class: 3,
            obis: Obis::new(1, 1, 32, 7, 0, 255),
            attribute: 2,
        };
        let mut round = || {
            for answer in &answers {
                client.get(now, voltage).unwrap();
                assert!(client.poll_transmit().is_some());
                client.handle_bytes(now, answer);
                let got = client.poll_event();
                assert!(
                    matches!(got, Some(Event::Got(Ok(Data::DoubleLong(13540))))),
                    "{got:?}"
                );
            }
        };
        round();
        let info = allocation_counter::measure(&mut round);
        assert_eq!((info.count_total, info.bytes_total), (0, 0));
    }

    #[test]
    fn a_burst_is_given_back() {
        let now = Instant::now();
        let mut link = connected(now);
        let answers = answers(&[0x55; 12_000], 6);
        let answers: Vec<_> = answers.chunks(6).collect();
        let info = allocation_counter::measure(|| {
            exchange(&mut link, now, answers[0]);
            // The next answer is small again: only its own memory stays.
            link.send(now, &GET).unwrap();
        });
        assert!(info.bytes_max > 12_000);
        assert!(info.bytes_current < 8 * 1024, "{info:?}");
    }
}

/// A session over a simulated meter that answers at once, in the same thread, in virtual time.
#[cfg(test)]
mod alive {
    use obiscope::cosem::{AttributeRef, Data, Obis};
    use obiscope::dlms::security::Secret;
    use obiscope::meter::session::Session;
    use obiscope::meter::tap::Tap;
    use obiscope::meter::transport::{ConnectFuture, Connector, Stream};
    use obiscope::meter::{Clock, Definition, poller};
    use obiscope::simulator::meter::SimulatedMeter;
    use obiscope::simulator::profile::Profile;
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use tokio::runtime::Runtime;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    /// The meter is the stream.
    struct Direct {
        meter: SimulatedMeter,
        said: Vec<u8>,
    }

    impl Direct {
        fn new() -> Self {
            let now = Instant::now().into_std();
            let mut meter =
                SimulatedMeter::new(Profile::microstar(7), now, jiff::Timestamp::UNIX_EPOCH);
            meter.connected(now);
            let said = Vec::with_capacity(4096);
            Self { meter, said }
        }
    }

    impl AsyncRead for Direct {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let Self { meter, said } = &mut *self;
            meter.poll_transmit(Instant::now().into_std(), said);
            if said.is_empty() {
                return Poll::Pending;
            }
            buffer.put_slice(said);
            said.clear();
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Direct {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.meter.handle_bytes(Instant::now().into_std(), bytes);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    struct Here;

    impl Connector for Here {
        fn connect<'a>(&'a self, _: &'a Definition) -> ConnectFuture<'a> {
            Box::pin(async { Ok(Box::new(Direct::new()) as Box<dyn Stream>) })
        }
    }

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    }

    fn clock() -> Clock {
        Clock::From {
            base: jiff::Timestamp::UNIX_EPOCH,
            at: Instant::now(),
        }
    }

    fn microstar() -> Definition {
        let mut meter = Definition::microstar("m", "m", 1);
        meter.password = Some(Secret::new("22222222"));
        meter
    }

    #[test]
    fn a_get_of_a_session_allocates_nothing() {
        let runtime = runtime();
        let mut session = runtime.block_on(async {
            let (meter, tap) = (microstar(), Tap::new(8 * 1024));
            Session::open(&meter, &Here, clock(), tap, &mut |_, _| {})
                .await
                .unwrap()
        });
        let voltage = AttributeRef {
            class: 3,
            obis: Obis::new(1, 1, 32, 7, 0, 255),
            attribute: 2,
        };
        let mut gets = |count: u64| {
            runtime.block_on(async {
                for _ in 0..count {
                    let value = session.get(voltage).await.unwrap().unwrap();
                    assert!(
                        matches!(value, Data::DoubleLong(_) | Data::DoubleLongUnsigned(_)),
                        "{value:?}"
                    );
                }
            });
        };
        // Until the ring of the trace is full.
        gets(300);
        let info = allocation_counter::measure(|| gets(1000));
        assert_eq!((info.count_total, info.bytes_total), (0, 0), "{info:?}");
    }

    #[test]
    fn hours_of_polls_hold_no_more_memory_than_the_first_minutes() {
        let runtime = runtime();
        let (sender, mut polls) = mpsc::channel(4);
        let handle = runtime.block_on(async {
            let (tap, here) = (Tap::new(8 * 1024), Arc::new(Here));
            let kept = poller::Kept::default();
            poller::spawn_with(microstar(), here, clock(), sender, 1, tap, kept)
        });
        let mut run = |count: u32| {
            runtime.block_on(async {
                for _ in 0..count {
                    let poll = polls.recv().await.unwrap();
                    assert!(poll.readings.iter().all(|r| r.value.is_ok()));
                }
            });
        };
        run(100);
        let day = allocation_counter::measure(|| run(2_160));
        assert!(day.bytes_current.abs() < 1024, "{day:?}");
        // What a poll gives away, keys and readings, its copy for the screen, and what its values are judged by.
        assert!(day.count_total / 2_160 <= 66, "{day:?}");
        assert!(day.bytes_max < 16 * 1024, "{day:?}");
        drop(handle);
    }
}
