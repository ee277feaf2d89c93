//! Long answers and requests in general blocks, over the wrapper and over HDLC, with a block lost on the way.

use super::talk::Talk;
use super::*;

const LIST: &str = "C001C1000F0000280000FF0200";

/// General blocks, GET and ACTION, but no blocks of the services' own.
fn aarq(conformance: &str) -> String {
    format!("601DA109060760857405080101BE10040E01000000065F1F0400{conformance}0200")
}

fn acknowledge(number: u16, taken: u16) -> Vec<u8> {
    bytes(&format!("E085{number:04X}{taken:04X}00"))
}

struct Block<'a> {
    control: u8,
    number: u16,
    data: &'a [u8],
}

fn block(apdu: &[u8]) -> Block<'_> {
    assert_eq!(apdu[0], 0xE0);
    let data = match apdu[6] {
        0x82 => &apdu[9..],
        0x81 => &apdu[8..],
        _ => &apdu[7..],
    };
    Block {
        control: apdu[1],
        number: u16::from_be_bytes([apdu[2], apdu[3]]),
        data,
    }
}

/// The object list by the service's own blocks, to compare with.
fn expected() -> Vec<u8> {
    let mut talk = Talk::new(Profile::generic(1), 16);
    talk.say(&aarq("001019"));
    let mut list = Vec::new();
    let mut answer = talk.say(LIST);
    loop {
        let apdu = bytes(&answer);
        let GetResponse::Block {
            last, block, data, ..
        } = GetResponse::decode(&apdu).unwrap()
        else {
            panic!("{answer}");
        };
        list.extend_from_slice(data);
        if last {
            return list;
        }
        answer = talk.say(&format!("C002C1{block:08X}"));
    }
}

#[test]
fn windows_and_a_lost_block_over_the_wrapper() {
    let mut talk = Talk::new(Profile::generic(1), 16);
    let aare = talk.say(&aarq("200019"));
    assert!(aare.contains("5F1F0400200019"), "{aare}");
    let first = talk.ask(&bytes(LIST));
    assert!(first.len() <= 512);
    let mut whole = block(&first).data.to_vec();
    let mut taken = 1;
    let mut acknowledged = 1;
    let mut lose = Some(4);
    'rounds: for _ in 0..1000 {
        let burst = talk.all(&acknowledge(acknowledged, taken));
        acknowledged += 1;
        assert!(burst.len() <= 5 && !burst.is_empty());
        for (index, apdu) in burst.iter().enumerate() {
            let block = block(apdu);
            let streams = block.control & 0x40 != 0;
            assert_eq!(
                streams,
                index + 1 < burst.len(),
                "streaming until the window is full"
            );
            if lose == Some(block.number) {
                lose = None;
                continue;
            }
            if block.number == taken + 1 {
                taken = block.number;
                whole.extend_from_slice(block.data);
                if block.control & 0x80 != 0 {
                    break 'rounds;
                }
            }
        }
    }
    assert_eq!(hex(&whole[..4]), "C401C100");
    assert_eq!(whole[4..], expected());
    assert!(
        talk.all(&acknowledge(acknowledged, taken)).is_empty(),
        "done with"
    );
}

#[test]
fn a_request_in_blocks_is_answered_in_blocks() {
    // It agreed to the service's own blocks, too, but speaks in general ones.
    let mut talk = Talk::new(Profile::generic(1), 16);
    talk.say(&aarq("201019"));
    let answer = talk.say(LIST);
    assert!(answer.starts_with("C402"), "{}", &answer[..20]);
    let get = bytes(LIST);
    assert!(
        talk.all(&[&bytes("E04300010000"), &[5][..], &get[..5]].concat())
            .is_empty()
    );
    // Block 2 was lost: 3 brings out what is missing.
    let missing = talk.ask(&[&bytes("E00300030000"), &[3][..], &get[10..]].concat());
    assert_eq!(hex(&missing[2..]), "0001000100");
    assert!(
        talk.all(&[&bytes("E04300020000"), &[5][..], &get[5..10]].concat())
            .is_empty()
    );
    let burst = talk.all(&[&bytes("E08300030000"), &[3][..], &get[10..]].concat());
    assert_eq!(burst.len(), 3, "as many as its window says");
    assert_eq!(hex(&block(&burst[0]).data[..4]), "C401C100");
    // A wrong acknowledgement ends it.
    assert_eq!(hex(&talk.ask(&acknowledge(9, 900))), "D80101");
    assert_eq!(talk.say("C001C100010000600E00FF0200").len(), 12);
}

#[test]
fn none_where_none_was_agreed() {
    let mut talk = Talk::new(Profile::generic(1).with_general_blocks(), 16);
    talk.say(&aarq("000019"));
    assert_eq!(talk.say(LIST), "C401C101FA");
    assert_eq!(hex(&talk.ask(&acknowledge(1, 1))), "D80202");
    talk.say(&aarq("201019"));
    assert!(talk.say(LIST).starts_with("E0"), "preferred");
}

/// Each block is an APDU of its own on the link, too.
#[test]
fn over_hdlc() {
    let (mut session, _) = Session::open(Line::generic(), &aarq("200019"));
    let mut whole = block(&bytes(&session.apdu(LIST))).data.to_vec();
    let mut taken = 1;
    for number in 1..1000 {
        let mut apdu = session.apdu(&hex(&acknowledge(number, taken)));
        loop {
            let octets = bytes(&apdu);
            let block = block(&octets);
            assert_eq!(block.number, taken + 1);
            taken = block.number;
            whole.extend_from_slice(block.data);
            if block.control & 0x80 != 0 {
                assert_eq!(whole[4..], expected());
                return;
            }
            if block.control & 0x40 == 0 {
                break;
            }
            apdu = session.more();
        }
    }
    panic!("no end");
}
