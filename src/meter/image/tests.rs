//! Image transfers to a small fake of class 18, in virtual time: whole, broken off, refused, and found wrong.

use super::*;
use crate::cosem::data::BitString;
use crate::dlms::xdlms::{ActionResult, DataAccessResult};
use std::io::Cursor;

const BLOCK_SIZE: usize = 100;

/// A meter that takes an image, with the misfortunes a test gives it.
struct Fake {
    enabled: bool,
    block_size: usize,
    status: u8,
    got: Vec<Option<Vec<u8>>>,
    size: usize,
    identifier: Vec<u8>,
    /// Every block that came, by number.
    came: Vec<u32>,
    calls: Vec<i8>,
    /// The connection breaks when this many blocks have come.
    breaks_after: Option<usize>,
    /// These are confirmed and dropped, once each.
    drops: Vec<u32>,
    /// This one is put off so often.
    busy: (u32, u32),
    /// Status polls a verification or activation takes; -1 is forever.
    slow: i32,
    wrong: bool,
    hides_progress: bool,
}

impl Fake {
    fn new() -> Self {
        Self {
            enabled: true,
            block_size: BLOCK_SIZE,
            status: 0,
            got: Vec::new(),
            size: 0,
            identifier: Vec::new(),
            came: Vec::new(),
            calls: Vec::new(),
            breaks_after: None,
            drops: Vec::new(),
            busy: (0, 0),
            slow: 0,
            wrong: false,
            hides_progress: false,
        }
    }

    fn image(&self) -> Vec<u8> {
        self.got.iter().flatten().flatten().copied().collect()
    }

    fn finish(&mut self) {
        self.status = match (self.status, self.wrong) {
            (2, false) => 3,
            (2, true) => 4,
            (5, false) => 6,
            (5, true) => 7,
            (other, _) => other,
        };
    }

    fn work(&mut self) -> Result<Option<Data>, ActionError> {
        if self.slow != 0 {
            return Err(ActionError::Result(ActionResult::TEMPORARY_FAILURE));
        }
        self.finish();
        if self.wrong {
            return Err(ActionError::Result(ActionResult::OTHER_REASON));
        }
        Ok(None)
    }
}

impl Exchange for Fake {
    async fn get(
        &mut self,
        attribute: AttributeRef,
    ) -> Result<Result<Data, GetError>, SessionError> {
        assert_eq!((attribute.class, attribute.obis), (CLASS, USUAL));
        let denied = Err(GetError::Access(DataAccessResult::READ_WRITE_DENIED));
        Ok(match attribute.attribute {
            2 => Ok(Data::DoubleLongUnsigned(
                u32::try_from(self.block_size).unwrap(),
            )),
            3 | 4 if self.hides_progress => denied,
            3 => {
                let mut bytes = vec![0; self.got.len().div_ceil(8)];
                for (at, block) in self.got.iter().enumerate() {
                    if block.is_some() {
                        bytes[at / 8] |= 0x80 >> (at % 8);
                    }
                }
                let bits = self.got.len();
                Ok(Data::BitString(BitString { bits, bytes }))
            }
            4 => {
                let first = self.got.iter().position(Option::is_none);
                let first = first.unwrap_or(self.got.len());
                Ok(Data::DoubleLongUnsigned(u32::try_from(first).unwrap()))
            }
            5 => Ok(Data::Boolean(self.enabled)),
            6 => {
                match self.slow {
                    0 => self.finish(),
                    1.. if matches!(self.status, 2 | 5) => self.slow -= 1,
                    _ => {}
                }
                Ok(Data::Enum(self.status))
            }
            _ => denied,
        })
    }

    async fn action(
        &mut self,
        method: MethodRef,
        parameters: &Data,
    ) -> Result<Result<Option<Data>, ActionError>, SessionError> {
        self.calls.push(method.method);
        Ok(match (method.method, parameters.elements()) {
            (
                1,
                Some(
                    [
                        Data::OctetString(identifier),
                        Data::DoubleLongUnsigned(size),
                    ],
                ),
            ) => {
                self.identifier.clone_from(identifier);
                self.size = *size as usize;
                self.got = vec![None; self.size.div_ceil(self.block_size)];
                self.status = 1;
                Ok(None)
            }
            (2, Some([Data::DoubleLongUnsigned(number), Data::OctetString(data)])) => {
                if self.breaks_after == Some(self.came.len()) {
                    self.breaks_after = None;
                    return Err(SessionError::Closed);
                }
                if self.busy.0 == *number && self.busy.1 > 0 {
                    self.busy.1 -= 1;
                    return Ok(Err(ActionError::Result(ActionResult::TEMPORARY_FAILURE)));
                }
                self.came.push(*number);
                if let Some(at) = self.drops.iter().position(|n| n == number) {
                    self.drops.remove(at);
                } else {
                    self.got[*number as usize] = Some(data.clone());
                }
                Ok(None)
            }
            (3, None) => {
                assert_eq!(self.image().len(), self.size);
                self.status = 2;
                self.work()
            }
            (4, None) => {
                assert_eq!(self.status, 3);
                self.status = 5;
                self.work()
            }
            other => panic!("{other:?}"),
        })
    }
}

fn image(size: usize) -> Vec<u8> {
    (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

fn transfer(size: usize, resume: bool) -> Transfer<Cursor<Vec<u8>>> {
    Transfer::new(USUAL, Cursor::new(image(size)), b"FW 2".to_vec(), resume).unwrap()
}

fn quiet(_: Progress) {}

#[tokio::test(start_paused = true)]
async fn a_whole_image_is_sent_verified_and_not_activated() {
    let mut fake = Fake::new();
    fake.busy = (3, 2);
    fake.slow = 3;
    let mut seen = Vec::new();
    let mut sending = transfer(1_050, false);
    let mut on = |progress| seen.push(progress);
    sending.send(&mut fake, &mut on).await.unwrap();
    assert_eq!(fake.image(), image(1_050));
    assert_eq!(fake.identifier, b"FW 2");
    assert_eq!(fake.came, (0..11).collect::<Vec<_>>());
    assert_eq!(fake.status, 3);
    assert!(!fake.calls.contains(&4), "activation is its own decision");
    assert_eq!(seen[0], Progress::Blocks { done: 0, of: 11 });
    assert_eq!(seen.last(), Some(&Progress::Verifying));
    fake.slow = 4;
    assert_eq!(sending.activate(&mut fake, &mut quiet).await.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_missing_is_sent_after_a_break_and_after_a_loss() {
    let mut fake = Fake::new();
    fake.breaks_after = Some(4);
    fake.drops = vec![1, 8];
    let mut sending = transfer(1_000, false);
    let broken = sending.send(&mut fake, &mut quiet).await.unwrap_err();
    assert!(matches!(broken, ImageError::Session(SessionError::Closed)));
    sending.send(&mut fake, &mut quiet).await.unwrap();
    assert_eq!(fake.image(), image(1_000));
    // 1 was dropped before the break, 8 after it; the meter was initiated once.
    assert_eq!(fake.came, [0, 1, 2, 3, 1, 4, 5, 6, 7, 8, 9, 8]);
    assert_eq!(fake.calls.iter().filter(|m| **m == 1).count(), 1);
    assert_eq!(sending.sent(), 12);

    // Another run goes on with --resume; a file of another length does not.
    let mut fake = Fake::new();
    fake.breaks_after = Some(7);
    let _ = transfer(1_000, false).send(&mut fake, &mut quiet).await;
    let other = transfer(2_000, true)
        .send(&mut fake, &mut quiet)
        .await
        .unwrap_err();
    assert!(
        other.to_string().contains("10 block(s) there, 20"),
        "{other}"
    );
    assert_eq!(fake.came.len(), 7);
    transfer(1_000, true)
        .send(&mut fake, &mut quiet)
        .await
        .unwrap();
    assert_eq!(fake.came.len(), 10);
    // Sent and verified: nothing is done again.
    let calls = fake.calls.len();
    transfer(1_000, true)
        .send(&mut fake, &mut quiet)
        .await
        .unwrap();
    assert_eq!(fake.calls.len(), calls);
    let nothing = transfer(1_000, true)
        .send(&mut Fake::new(), &mut quiet)
        .await
        .unwrap_err();
    assert!(
        nothing.to_string().contains("not initiated (0)"),
        "{nothing}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_shows_no_progress_gets_every_block_once() {
    let mut fake = Fake::new();
    fake.hides_progress = true;
    transfer(350, false)
        .send(&mut fake, &mut quiet)
        .await
        .unwrap();
    assert_eq!(fake.came, [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_work_is_named_and_bounded() {
    let wrong = |source: &[u8], name: &[u8]| {
        let source = Cursor::new(source.to_vec());
        Transfer::new(USUAL, source, name.to_vec(), false).unwrap_err()
    };
    assert!(matches!(wrong(b"", b"x"), ImageError::Empty));
    assert!(matches!(wrong(b"x", b""), ImageError::Identifier(0)));
    assert!(matches!(
        wrong(b"x", &[0; 256]),
        ImageError::Identifier(256)
    ));

    let fails = async |fake: &mut Fake| {
        let sent = transfer(350, false).send(fake, &mut quiet).await;
        sent.unwrap_err().to_string()
    };
    let mut fake = Fake::new();
    fake.enabled = false;
    assert!(fails(&mut fake).await.contains("18/0-0:44.0.0/5 true"));
    assert!(fake.calls.is_empty(), "nothing was written");
    let mut fake = Fake::new();
    fake.block_size = 0;
    assert!(fails(&mut fake).await.contains("block size is 0"));
    assert!(fake.calls.is_empty());
    let mut fake = Fake::new();
    fake.wrong = true;
    assert!(fails(&mut fake).await.contains("verification failed"));
    let mut fake = Fake::new();
    (fake.wrong, fake.slow) = (true, 2);
    assert!(fails(&mut fake).await.contains("verification failed"));
    let mut fake = Fake::new();
    fake.drops = vec![2; 9];
    let said = fails(&mut fake).await;
    assert!(said.contains("lacks block 2 of 4"), "{said}");
    let mut fake = Fake::new();
    fake.busy = (1, 1000);
    let said = fails(&mut fake).await;
    assert!(said.contains("block 1") && said.contains("temporary-failure"));
    let mut fake = Fake::new();
    fake.slow = -1;
    let begun = tokio::time::Instant::now();
    let said = fails(&mut fake).await;
    assert!(said.contains("longer than 15m"), "{said}");
    assert!(begun.elapsed() < Duration::from_mins(16));
}
