//! Our own client and the meter, both as values, with every suite, proof and protection the generic meter has: what one
//! writes the other holds, and what is weaker than agreed is refused.

use super::client::{Reading, config};
use super::*;
use crate::cosem::{AttributeRef, Obis};
use crate::dlms::association::{Authentication, Carrier, Config, Event, Fresh};
use crate::dlms::security::hls::HlsMechanism;
use crate::dlms::security::{Form, Keys, Protection, Security, Suite, SystemTitle};
use crate::dlms::wrapper::WrapperConfig;
use crate::simulator::clients::{Access, SECRET, client_keys};
use crate::simulator::profile::Transport;

const CLOCK: Obis = Obis::new(0, 0, 1, 0, 0, 255);
const NOTE: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 96, 1, 9, 255),
    attribute: 2,
};

fn secured(sap: u8, suite: Suite, protection: Option<Protection>, form: Form) -> Config {
    let profile = Profile::generic(1);
    let mut config = config(sap, profile.address);
    config.authentication = match &profile.client(sap).unwrap().access {
        Access::Public => Authentication::None,
        Access::Password(secret) => Authentication::Lls(secret.clone()),
        Access::Hls { mechanism, .. } => Authentication::Hls {
            mechanism: *mechanism,
            secret: Secret::new(SECRET),
        },
    };
    config.security = Some(Security {
        suite,
        protection,
        form,
        title: SystemTitle(*b"MMM\0\0\xBC\x61\x4E"),
        keys: Keys::parse(&client_keys(suite)).unwrap(),
    });
    config.conformance.0 |= 0x40_0000;
    config.read_only = false;
    config
}

fn reading(config: Config) -> Reading {
    let mut profile = Profile::generic(1);
    if matches!(config.carrier, Carrier::Wrapper(_)) {
        profile = profile.over(Transport::WrapperTcp);
    }
    let suite = config.security.as_ref().unwrap().suite;
    let dedicated = config.security.as_ref().unwrap().form == Form::Dedicated;
    let mut reading = Reading::new(profile, config);
    reading.client.renew(Fresh {
        challenge: (1..=32).collect(),
        counter: 1,
        dedicated: dedicated.then(|| Secret::new(vec![7; suite.key_length()])),
    });
    reading
}

/// In, read, written and read back, out.
fn round(config: Config) {
    let said = format!("{:?}", config.security);
    let mut reading = reading(config);
    reading.connect();
    assert!(
        matches!(reading.get(8, CLOCK, 2), Data::OctetString(_)),
        "{said}"
    );
    let note = Data::OctetString(vec![0xA5; 1500]);
    reading.client.set(reading.line.now, NOTE, &note).unwrap();
    let set = reading.until(|event| matches!(event, Event::Set(_)));
    assert_eq!(set, Event::Set(Ok(())), "{said}");
    assert_eq!(
        reading.get(NOTE.class, NOTE.obis, NOTE.attribute),
        note,
        "{said}"
    );
    reading
        .client
        .release(reading.line.now, Duration::from_secs(2));
    reading.until(|event| *event == Event::Released);
}

/// Over HDLC and over the wrapper.
fn both_carriers(sap: u8, suite: Suite, protection: Option<Protection>, form: Form) {
    let hdlc = secured(sap, suite, protection, form);
    let wrapped = Config {
        carrier: Carrier::Wrapper(WrapperConfig::tcp(sap.into(), 1)),
        ..hdlc.clone()
    };
    round(hdlc);
    round(wrapped);
}

const FORMS: [Form; 3] = [Form::Global, Form::Dedicated, Form::General];

#[test]
fn ecdsa_with_suites_1_and_2() {
    both_carriers(39, Suite::One, None, Form::Global);
    for form in FORMS {
        both_carriers(65, Suite::One, Some(Protection::Both), form);
        both_carriers(66, Suite::Two, Some(Protection::Both), form);
    }
}

#[test]
fn gmac_with_suite_2_and_a_password_with_suite_0() {
    for form in FORMS {
        both_carriers(67, Suite::Two, Some(Protection::Both), form);
        both_carriers(68, Suite::Zero, Some(Protection::Both), form);
    }
}

#[test]
fn authentication_alone_and_encryption_alone() {
    for form in FORMS {
        both_carriers(69, Suite::Zero, Some(Protection::Authentication), form);
        both_carriers(70, Suite::Zero, Some(Protection::Encryption), form);
    }
}

fn fails(config: Config) -> String {
    let mut reading = reading(config);
    reading.client.connect(reading.line.now).unwrap();
    for _ in 0..1000 {
        while let Some(event) = reading.client.poll_event() {
            assert!(!matches!(event, Event::Ready { .. }));
            if let Event::Failed(failure) = event {
                return failure.to_string();
            }
        }
        reading.step();
    }
    panic!("it neither fails nor comes to be");
}

#[test]
fn a_wrong_key_pair_and_weaker_protection_are_refused_in_words() {
    let mut other_pair = secured(65, Suite::One, Some(Protection::Both), Form::Global);
    let security = other_pair.security.as_mut().unwrap();
    security.keys.signing = Some(Secret::new(vec![0x22; 32]));
    assert!(!fails(other_pair).is_empty());
    // The meter's proof is held against the key we have of it.
    let mut other_meter = secured(65, Suite::One, Some(Protection::Both), Form::Global);
    let security = other_meter.security.as_mut().unwrap();
    let own = crate::dlms::security::curve::public_of(
        Suite::One,
        security.keys.signing.as_ref().unwrap(),
    )
    .unwrap();
    security.keys.peer_signing = Some(own);
    let said = fails(other_meter);
    assert!(said.contains("proof") || said.contains("prove"), "{said}");
    for weaker in [Protection::Authentication, Protection::Encryption] {
        assert!(!fails(secured(64, Suite::Zero, Some(weaker), Form::Global)).is_empty());
    }
    let mut mechanism = secured(66, Suite::Two, Some(Protection::Both), Form::Global);
    mechanism.authentication = Authentication::Hls {
        mechanism: HlsMechanism::Gmac,
        secret: Secret::new(SECRET),
    };
    assert!(!fails(mechanism).is_empty());
}
