//! General block transfer: windows, lost blocks, lies, and our own long requests.
use super::wired::{Wired, over_tcp};
use super::*;
use crate::dlms::xdlms::GeneralBlock;

const GENERAL: u32 = 0x20_0019;

fn ready() -> Wired {
    let config = Config {
        read_only: false,
        ..over_tcp()
    };
    Wired::ready(config, GENERAL, 128)
}

fn block(last: bool, streaming: bool, block: u16, acknowledged: u16, data: &[u8]) -> Vec<u8> {
    let mut apdu = Vec::new();
    GeneralBlock {
        last,
        streaming,
        window: 3,
        block,
        acknowledged,
        data,
    }
    .encode(&mut apdu);
    apdu
}

/// A GET answer of 100 octets of data, in pieces of 30.
fn pieces() -> Vec<Vec<u8>> {
    let mut answer = hex("C401C1000964");
    answer.extend(0..100);
    answer.chunks(30).map(<[u8]>::to_vec).collect()
}

fn got(wired: &mut Wired) {
    let value = Data::OctetString((0..100).collect());
    assert_eq!(wired.outcomes(), [Event::Got(Ok(value))]);
}

fn acknowledged(apdu: &[u8]) -> u16 {
    let block = GeneralBlock::decode(apdu).unwrap();
    assert!(block.data.is_empty() && block.window > 1);
    block.acknowledged
}

#[test]
fn one_by_one_and_in_a_window() {
    let pieces = pieces();
    let mut wired = ready();
    wired.get();
    for number in 1..=3 {
        wired.reply(&block(
            false,
            false,
            number,
            0,
            &pieces[usize::from(number) - 1],
        ));
        assert_eq!(acknowledged(&wired.one()), number);
    }
    wired.reply(&block(true, false, 4, 0, &pieces[3]));
    got(&mut wired);

    wired.get();
    let mut answer = pieces.clone();
    answer[0][2] = 0xC2;
    for number in 1..=2 {
        wired.reply(&block(
            false,
            true,
            number,
            0,
            &answer[usize::from(number) - 1],
        ));
        assert_eq!(wired.sent().len(), 0);
    }
    wired.reply(&block(false, false, 3, 0, &answer[2]));
    assert_eq!(acknowledged(&wired.one()), 3);
    wired.reply(&block(true, false, 4, 0, &answer[3]));
    got(&mut wired);
}

#[test]
fn a_lost_block_is_asked_for_again() {
    let pieces = pieces();
    let mut wired = ready();
    wired.get();
    wired.reply(&block(false, true, 1, 0, &pieces[0]));
    wired.reply(&block(false, false, 3, 0, &pieces[2]));
    assert_eq!(acknowledged(&wired.one()), 1);
    wired.reply(&block(false, true, 2, 0, &pieces[1]));
    // Once more from before, as a meter does that sent it already.
    wired.reply(&block(false, true, 1, 0, &pieces[0]));
    // The end of the window is lost: time asks.
    wired.time_out();
    assert_eq!(acknowledged(&wired.one()), 2);
    wired.reply(&block(false, true, 3, 0, &pieces[2]));
    wired.reply(&block(true, false, 4, 0, &pieces[3]));
    got(&mut wired);
}

fn refused(wired: &mut Wired) -> GetError {
    match &mut wired.outcomes()[..] {
        [Event::Got(Err(error))] => error.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn lies_are_named_and_bounded() {
    let mut wired = ready();
    wired.get();
    let mut asked = 0;
    while wired.client.state() == State::Reading {
        wired.reply(&block(false, false, 9, 0, &[1]));
        asked += wired.sent().len();
        assert!(asked < 20);
    }
    assert_eq!(
        refused(&mut wired),
        GetError::BlockOutOfOrder {
            expected: 1,
            got: 9
        }
    );

    wired.get();
    for number in 1..=u16::MAX {
        wired.reply(&block(false, true, number, 0, &[7; 100]));
        if wired.client.state() != State::Reading {
            break;
        }
    }
    assert_eq!(refused(&mut wired), GetError::TooLarge(4096));

    wired.get();
    for number in 1..=u16::MAX {
        wired.reply(&block(false, true, number, 0, &[]));
        if wired.client.state() != State::Reading {
            break;
        }
    }
    assert!(matches!(refused(&mut wired), GetError::Undecodable(what) if what.contains("empty")));

    wired.get();
    wired.reply(&block(true, false, 1, 5, &[1]));
    assert!(
        matches!(refused(&mut wired), GetError::Undecodable(what) if what.contains("acknowledges block 5"))
    );
    assert_eq!(wired.client.state(), State::Ready);
}

#[test]
fn a_long_set_goes_out_in_blocks_and_a_lost_one_again() {
    let mut wired = ready();
    let value = Data::OctetString(vec![5; 300]);
    wired.client.set(wired.now, VOLTAGE, &value).unwrap();
    let mut joined = Vec::new();
    let mut expected = 1;
    let mut again = true;
    loop {
        let apdu = wired.one();
        assert!(apdu.len() <= 128);
        let sent = GeneralBlock::decode(&apdu).unwrap();
        assert_eq!(sent.block, expected);
        if sent.block == 2 && std::mem::take(&mut again) {
            wired.reply(&block(true, false, 2, 1, &[]));
            continue;
        }
        joined.extend_from_slice(sent.data);
        if sent.last {
            break;
        }
        wired.reply(&block(true, false, expected, expected, &[]));
        expected += 1;
    }
    assert_eq!(joined[..3], hex("C101C1")[..]);
    assert_eq!(joined.len(), 13 + 4 + 300);
    wired.reply(&hex("C501C100"));
    assert_eq!(wired.outcomes(), [Event::Set(Ok(()))]);
}

#[test]
fn a_pushed_apdu_in_blocks_comes_whole() {
    let mut wired = ready();
    let pushed = hex("0F00000001000907010203040506070203");
    wired.reply(&block(false, true, 1, 0, &pushed[..8]));
    wired.reply(&block(true, false, 2, 0, &pushed[8..]));
    assert_eq!(wired.events(), [Event::Unsolicited(pushed)]);
    wired.get();
    wired.reply(&hex("C401C1001200EB"));
    assert_eq!(wired.outcomes(), [Event::Got(Ok(Data::LongUnsigned(235)))]);
}
