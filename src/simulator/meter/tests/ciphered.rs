//! Ciphered associations: answers in the form asked, counters that only rise, and nothing in clear where that was agreed.

use super::hls::TITLE;
use super::talk::Talk;
use super::*;
use crate::dlms::acse::{
    Aare, Aarq, ApplicationContext, InitiateRequest, InitiateResponse, UserInformation,
};
use crate::dlms::security::{
    Form, Keys, Opened, Opening, Protection, Sealing, Suite, SystemTitle, open, seal,
};
use crate::dlms::xdlms::Conformance;
use crate::simulator::clients::{SECRET, client_keys};

const GET_CLOCK: &str = "C001C100080000010000FF0200";
const DEDICATED: [u8; 16] = [7; 16];

struct Ciphered {
    talk: Talk,
    keys: Keys,
    counter: u32,
    meter: SystemTitle,
}

impl Ciphered {
    /// Client 68: a password, and authenticated encryption.
    fn open() -> Self {
        let talk = Talk::new(Profile::generic(1), 68);
        let meter = talk.meter.profile().system_title();
        let keys = Keys::parse(&client_keys(Suite::Zero)).unwrap();
        let mut ciphered = Self {
            talk,
            keys,
            counter: 10,
            meter,
        };
        let aare = Aare::decode(&ciphered.aarq()).unwrap();
        assert_eq!((aare.result, aare.diagnostic.code()), (0, Some(0)));
        assert_eq!(aare.context, Some(ApplicationContext::LnCiphered));
        let UserInformation::Ciphered(sealed) = aare.user_information else {
            panic!("in clear");
        };
        assert_eq!(sealed[0], 0x28);
        let response = InitiateResponse::decode(&ciphered.opened(&sealed).plain).unwrap();
        assert!(response.conformance.has(Conformance::GENERAL_PROTECTION));
        ciphered.keys.dedicated = Some(Secret::new(DEDICATED));
        ciphered
    }

    fn aarq(&mut self) -> Vec<u8> {
        let conformance = Conformance(0x7E1D).with(Conformance::GENERAL_PROTECTION);
        let mut initiate = InitiateRequest::new(conformance, 1024);
        initiate.dedicated_key = Some(Secret::new(DEDICATED));
        let mut plain = Vec::new();
        initiate.encode(&mut plain);
        let mut aarq = Aarq::new(Some(Secret::new(SECRET.as_bytes())), initiate);
        aarq.context = ApplicationContext::LnCiphered;
        aarq.calling_title = Some(TITLE.0.to_vec());
        aarq.user_information = UserInformation::Ciphered(self.sealed(&plain, Form::Global));
        let mut request = Vec::new();
        aarq.encode(&mut request);
        self.talk.ask(&request)
    }

    fn sealed(&mut self, plain: &[u8], form: Form) -> Vec<u8> {
        let how = Sealing {
            suite: Suite::Zero,
            protection: Protection::Both,
            form,
            title: TITLE,
            keys: &self.keys,
            counter: self.counter,
        };
        self.counter += 1;
        let mut out = Vec::new();
        seal(plain, &how, &mut out).unwrap();
        out
    }

    fn opened(&self, apdu: &[u8]) -> Opened {
        let mut with = Opening::new(&self.keys);
        with.peer_title = Some(self.meter);
        open(apdu, &with).unwrap()
    }

    fn ask(&mut self, form: Form) -> Vec<u8> {
        let request = self.sealed(&bytes(GET_CLOCK), form);
        self.talk.ask(&request)
    }
}

#[test]
fn answers_come_in_the_form_asked_and_their_counter_rises() {
    let mut ciphered = Ciphered::open();
    let mut last = 0;
    for (form, tag) in [
        (Form::Global, 0xCC),
        (Form::Dedicated, 0xD4),
        (Form::General, 0xDC),
    ] {
        let answer = ciphered.ask(form);
        assert_eq!(answer[0], tag);
        let opened = ciphered.opened(&answer);
        assert!(opened.verified && opened.counter > last);
        assert_eq!(opened.control.protection(), Some(Protection::Both));
        assert!(hex(&opened.plain).starts_with("C401C100090C"));
        last = opened.counter;
    }
    ciphered.keys.dedicated = None;
    assert_eq!(
        ciphered.ask(Form::General)[0],
        0xDB,
        "general-glo still works"
    );
}

#[test]
fn a_counter_is_taken_once() {
    let mut ciphered = Ciphered::open();
    ciphered.ask(Form::Global);
    ciphered.counter -= 1;
    assert_eq!(hex(&ciphered.ask(Form::Global)), "D801060000000C");
    assert_eq!(ciphered.ask(Form::Global)[0], 0xCC);
    // Over a new association, too, and the public client may ask for it.
    ciphered.counter = 3;
    assert_eq!(hex(&ciphered.aarq()), "D801060000000D");
    ciphered.talk.client = 16;
    ciphered
        .talk
        .say("601DA109060760857405080101BE10040E01000000065F1F0400001E1DFFFF");
    assert_eq!(
        ciphered.talk.say("C001C1000100002B0100FF0200"),
        "C401C100060000000C"
    );
}

#[test]
fn what_is_not_as_agreed_is_refused() {
    let mut ciphered = Ciphered::open();
    assert_eq!(ciphered.talk.say(GET_CLOCK), "D80101", "in clear");
    let mut request = ciphered.sealed(&bytes(GET_CLOCK), Form::Global);
    *request.last_mut().unwrap() ^= 1;
    assert_eq!(hex(&ciphered.talk.ask(&request)), "D80105", "a wrong tag");
    let weak = Sealing {
        suite: Suite::Zero,
        protection: Protection::Encryption,
        form: Form::Global,
        title: TITLE,
        keys: &ciphered.keys.clone(),
        counter: 90,
    };
    let mut request = Vec::new();
    seal(&bytes(GET_CLOCK), &weak, &mut request).unwrap();
    assert_eq!(hex(&ciphered.talk.ask(&request)), "D80101", "no tag");
    let unknown = ciphered.sealed(&[0x99], Form::General);
    let answer = ciphered.talk.ask(&unknown);
    assert_eq!(
        hex(&ciphered.opened(&answer).plain),
        "D80202",
        "sealed in the general form"
    );
    assert_eq!(ciphered.ask(Form::Global)[0], 0xCC, "and it goes on");
}

#[test]
fn long_answers_keep_to_the_agreed_length() {
    let mut ciphered = Ciphered::open();
    let request = ciphered.sealed(&bytes("C001C1000F0000280000FF0200"), Form::General);
    let answer = ciphered.talk.ask(&request);
    assert!(
        answer.len() <= 1024 && answer.len() > 1000,
        "{}",
        answer.len()
    );
    assert!(hex(&ciphered.opened(&answer).plain).starts_with("C402C1000000000100"));
    // The security setup as this client has it.
    for (attribute, value) in [(2, "166C"), (3, "1600"), (4, "09084D4D4D0000BC614E")] {
        let get = bytes(&format!("C001C1004000002B0000FF{attribute:02X}00"));
        let request = ciphered.sealed(&get, Form::Global);
        let answer = ciphered.talk.ask(&request);
        assert_eq!(
            hex(&ciphered.opened(&answer).plain),
            format!("C401C100{value}")
        );
    }
}
