//! One image on its way. The value outlives a lost connection: `send` on a new session asks the meter what it has and
//! goes on from there. Every wait is bounded.

use super::plan::{Next, Plan, status};
use super::{CLASS, Exchange, ImageError, words};
use crate::cosem::data::BitString;
use crate::cosem::{AttributeRef, Data, Obis};
use crate::dlms::association::ActionError;
use crate::dlms::xdlms::{ActionResult, MethodRef};
use std::fmt::Display;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const INITIATE: i8 = 1;
const BLOCK: i8 = 2;
const VERIFY: i8 = 3;
const ACTIVATE: i8 = 4;

/// How often the meter is asked how far verification or activation is, soon at first, and for how long.
const ASK_SOON: Duration = Duration::from_millis(250);
const ASK_EVERY: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// A block that was refused for now is sent so often, with a pause before each time.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// How often the blocks that a meter dropped are sent anew.
const ROUNDS: u32 = 3;
/// A length in one octet, as meters keep it.
const LONGEST_IDENTIFIER: usize = 255;

/// What class 18 shows of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub enabled: bool,
    pub status: u8,
    pub block_size: u32,
    /// Attribute 7; not every meter shows it before there is one.
    pub to_activate: Option<Data>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Blocks { done: u32, of: u32 },
    Verifying,
    Activating,
}

#[derive(Debug)]
pub struct Transfer<S> {
    object: Obis,
    source: S,
    size: u32,
    identifier: Vec<u8>,
    /// The meter knows of it: from this run, or from an earlier one that is to be gone on with.
    begun: bool,
    /// The meter was asked to activate.
    activating: bool,
    /// Blocks this value has sent.
    sent: u64,
}

impl<S: Read + Seek> Transfer<S> {
    /// Refuses what can be no image. `resume` goes on with what an earlier run began.
    pub fn new(
        object: Obis,
        mut source: S,
        identifier: Vec<u8>,
        resume: bool,
    ) -> Result<Self, ImageError> {
        let length = source.seek(SeekFrom::End(0))?;
        let size = u32::try_from(length).map_err(|_| ImageError::TooLarge(length))?;
        if size == 0 {
            return Err(ImageError::Empty);
        }
        if identifier.is_empty() || identifier.len() > LONGEST_IDENTIFIER {
            return Err(ImageError::Identifier(identifier.len()));
        }
        Ok(Self {
            object,
            source,
            size,
            identifier,
            begun: resume,
            activating: false,
            sent: 0,
        })
    }

    /// Bytes.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Blocks sent so far, those sent twice counted twice.
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether the meter was asked to activate, whatever came of it.
    pub const fn activating(&self) -> bool {
        self.activating
    }

    /// Asks the meter where it stands. Nothing is written.
    pub async fn look(&self, meter: &mut impl Exchange) -> Result<State, ImageError> {
        let enabled = self.get(meter, 5).await?;
        let enabled = match enabled {
            Data::Boolean(enabled) => enabled,
            other => return Err(strange("image_transfer_enabled", &other)),
        };
        let status = self.status(meter).await?;
        let block_size = self.get(meter, 2).await?;
        let block_size = block_size
            .as_integer()
            .and_then(|size| u32::try_from(size).ok())
            .ok_or_else(|| strange("image_block_size", &block_size))?;
        let to_activate = meter.get(self.attribute(7)).await?.ok();
        Ok(State {
            enabled,
            status,
            block_size,
            to_activate,
        })
    }

    /// Initiates where that was not done, sends what the meter lacks, has it verified. Ends when the meter said that the
    /// image is right.
    pub async fn send(
        &mut self,
        meter: &mut impl Exchange,
        on: &mut dyn FnMut(Progress),
    ) -> Result<(), ImageError> {
        let mut state = self.look(meter).await?;
        if !state.enabled {
            return Err(ImageError::Disabled(self.object));
        }
        // Before anything is written.
        let mut plan = Plan::new(self.size, state.block_size)?;
        if self.begun {
            match Next::of(state.status) {
                Next::Blocks => {}
                Next::Await => return self.verified(meter, on).await,
                Next::Verified => return Ok(()),
                Next::Failed => return Err(ImageError::VerificationFailed(words(state.status))),
                Next::Nothing => return Err(ImageError::NothingToResume(words(state.status))),
            }
        } else {
            let about = Data::Structure(vec![
                Data::OctetString(self.identifier.clone()),
                Data::DoubleLongUnsigned(self.size),
            ]);
            let answer = meter.action(self.method(INITIATE), &about).await?;
            answer.map_err(|error| refused("the meter takes no image (initiate)", error))?;
            self.begun = true;
            state = self.look(meter).await?;
            plan = Plan::new(self.size, state.block_size)?;
        }
        self.blocks(meter, plan, on).await?;
        self.verify(meter, on).await
    }

    async fn blocks(
        &mut self,
        meter: &mut impl Exchange,
        plan: Plan,
        on: &mut dyn FnMut(Progress),
    ) -> Result<(), ImageError> {
        let of = plan.blocks();
        for round in 0..=ROUNDS {
            let transferred = self.transferred(meter).await?;
            if let Some(transferred) = &transferred
                && !plan.matches(transferred)
            {
                let bits = transferred.bits;
                return Err(ImageError::OtherImage { bits, blocks: of });
            }
            let first = self.first_missing(meter, plan, transferred.as_ref(), round);
            let Some(mut number) = first.await? else {
                on(Progress::Blocks { done: of, of });
                return Ok(());
            };
            if round == ROUNDS {
                let status = words(self.status(meter).await?);
                return Err(ImageError::StillMissing {
                    block: number,
                    blocks: of,
                    rounds: ROUNDS,
                    status,
                });
            }
            while number < of {
                on(Progress::Blocks { done: number, of });
                self.block(meter, plan, number).await?;
                let after = number.saturating_add(1);
                number = match &transferred {
                    Some(transferred) => plan.missing(transferred, after).unwrap_or(of),
                    None => after,
                };
            }
        }
        Ok(())
    }

    /// By attribute 4; of a meter that keeps it back by attribute 3, and one that shows neither gets every block once.
    async fn first_missing(
        &self,
        meter: &mut impl Exchange,
        plan: Plan,
        transferred: Option<&BitString>,
        round: u32,
    ) -> Result<Option<u32>, ImageError> {
        let first = meter.get(self.attribute(4)).await?.ok();
        if let Some(first) = first.as_ref().and_then(Data::as_integer) {
            let first = u32::try_from(first).unwrap_or(u32::MAX);
            return Ok(Some(first).filter(|&first| first < plan.blocks()));
        }
        Ok(match transferred {
            Some(transferred) => plan.missing(transferred, 0),
            None => (round == 0).then_some(0),
        })
    }

    async fn transferred(
        &self,
        meter: &mut impl Exchange,
    ) -> Result<Option<BitString>, ImageError> {
        match meter.get(self.attribute(3)).await? {
            Ok(Data::BitString(bits)) => Ok(Some(bits)),
            _ => Ok(None),
        }
    }

    async fn block(
        &mut self,
        meter: &mut impl Exchange,
        plan: Plan,
        number: u32,
    ) -> Result<(), ImageError> {
        let Some((begin, length)) = plan.block(number) else {
            return Ok(());
        };
        let mut data = vec![0; length as usize];
        self.source.seek(SeekFrom::Start(begin))?;
        self.source.read_exact(&mut data)?;
        let block = Data::Structure(vec![
            Data::DoubleLongUnsigned(number),
            Data::OctetString(data),
        ]);
        for left in (0..TRIES).rev() {
            match meter.action(self.method(BLOCK), &block).await? {
                Ok(_) => break,
                Err(error) if for_now(&error) && left > 0 => sleep(PAUSE).await,
                Err(error) => {
                    let of = plan.blocks();
                    let what = format!(
                        "block {number} (of 0 to {}) was not taken",
                        of.saturating_sub(1)
                    );
                    return Err(refused(what, error));
                }
            }
        }
        self.sent = self.sent.saturating_add(1);
        Ok(())
    }

    async fn verify(
        &self,
        meter: &mut impl Exchange,
        on: &mut dyn FnMut(Progress),
    ) -> Result<(), ImageError> {
        on(Progress::Verifying);
        match meter.action(self.method(VERIFY), &Data::Integer(0)).await? {
            Ok(_) => match self.status(meter).await? {
                status::VERIFICATION_FAILED => Err(ImageError::VerificationFailed(words(
                    status::VERIFICATION_FAILED,
                ))),
                status::VERIFICATION_INITIATED => self.verified(meter, on).await,
                // Success was said; meters differ in when their status follows.
                _ => Ok(()),
            },
            Err(error) if for_now(&error) => self.verified(meter, on).await,
            Err(error) => match self.status(meter).await? {
                status::VERIFICATION_FAILED => {
                    Err(ImageError::VerificationFailed(error.to_string()))
                }
                _ => Err(refused("the meter does not verify the image", error)),
            },
        }
    }

    /// Waits for the end of a verification that goes on by itself.
    async fn verified(
        &self,
        meter: &mut impl Exchange,
        on: &mut dyn FnMut(Progress),
    ) -> Result<(), ImageError> {
        on(Progress::Verifying);
        let wait = [status::INITIATED, status::VERIFICATION_INITIATED];
        match self.until_not(meter, &wait, "verification").await? {
            status::VERIFICATION_FAILED => Err(ImageError::VerificationFailed(words(
                status::VERIFICATION_FAILED,
            ))),
            status::NOT_INITIATED => Err(ImageError::NothingToResume(words(status::NOT_INITIATED))),
            _ => Ok(()),
        }
    }

    /// Has the verified image activated; the meter may restart, and then the connection is lost. Called again on a new
    /// session it only asks what came of it. Gives the status in the end.
    pub async fn activate(
        &mut self,
        meter: &mut impl Exchange,
        on: &mut dyn FnMut(Progress),
    ) -> Result<u8, ImageError> {
        on(Progress::Activating);
        if !self.activating {
            self.activating = true;
            match meter
                .action(self.method(ACTIVATE), &Data::Integer(0))
                .await?
            {
                Ok(_) => {}
                Err(error) if for_now(&error) => {}
                Err(error) => {
                    self.activating = false;
                    return Err(refused("the meter does not activate the image", error));
                }
            }
        }
        let wait = [status::VERIFIED, status::ACTIVATION_INITIATED];
        match self.until_not(meter, &wait, "activation").await? {
            status::ACTIVATION_FAILED => Err(ImageError::ActivationFailed(words(
                status::ACTIVATION_FAILED,
            ))),
            // A meter that started again may have forgotten that it ever was about an image.
            done => Ok(done),
        }
    }

    /// The first status that is none of `wait`.
    async fn until_not(
        &self,
        meter: &mut impl Exchange,
        wait: &[u8],
        what: &'static str,
    ) -> Result<u8, ImageError> {
        let begun = Instant::now();
        let mut pause = ASK_SOON;
        loop {
            let status = self.status(meter).await?;
            if !wait.contains(&status) {
                return Ok(status);
            }
            let waited = begun.elapsed();
            if waited >= LONGEST_WAIT {
                let status = words(status);
                return Err(ImageError::TooLong {
                    what,
                    waited: LONGEST_WAIT,
                    status,
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(ASK_EVERY);
        }
    }

    async fn status(&self, meter: &mut impl Exchange) -> Result<u8, ImageError> {
        let status = self.get(meter, 6).await?;
        let number = status.as_integer().and_then(|n| u8::try_from(n).ok());
        number.ok_or_else(|| strange("image_transfer_status", &status))
    }

    async fn get(&self, meter: &mut impl Exchange, attribute: i8) -> Result<Data, ImageError> {
        let attribute = self.attribute(attribute);
        let answer = meter.get(attribute).await?;
        answer.map_err(|error| refused(format!("image transfer {attribute}"), error))
    }

    const fn attribute(&self, attribute: i8) -> AttributeRef {
        AttributeRef {
            class: CLASS,
            obis: self.object,
            attribute,
        }
    }

    const fn method(&self, method: i8) -> MethodRef {
        MethodRef {
            class: CLASS,
            obis: self.object,
            method,
        }
    }
}

/// Not now, maybe later.
fn for_now(error: &ActionError) -> bool {
    matches!(error, ActionError::Result(ActionResult::TEMPORARY_FAILURE))
}

fn refused(what: impl Into<String>, why: impl Display) -> ImageError {
    ImageError::Refused {
        what: what.into(),
        why: why.to_string(),
    }
}

fn strange(what: &str, data: &Data) -> ImageError {
    refused(what, format!("the meter shows {}", data.to_text()))
}
