//! A firmware image carried to a meter (class 18): initiated, sent block by block, verified, and only when told so
//! activated. What the meter has already is never sent again; nothing here decides to write, a person did.

pub mod plan;
#[cfg(test)]
mod tests;
mod transfer;

pub use plan::{Next, Plan, status};
pub use transfer::{Progress, State, Transfer};

use super::session::{Session, SessionError};
use crate::cosem::decode::decode;
use crate::cosem::{AttributeRef, Data, Obis};
use crate::dlms::association::{ActionError, GetError};
use crate::dlms::xdlms::MethodRef;
use std::future::Future;
use std::time::Duration;

/// Image transfer.
pub const CLASS: u16 = 18;
/// Where meters keep it.
pub const USUAL: Obis = Obis::new(0, 0, 44, 0, 0, 255);

/// The two services a transfer needs of a session.
pub trait Exchange {
    fn get(
        &mut self,
        attribute: AttributeRef,
    ) -> impl Future<Output = Result<Result<Data, GetError>, SessionError>>;

    fn action(
        &mut self,
        method: MethodRef,
        parameters: &Data,
    ) -> impl Future<Output = Result<Result<Option<Data>, ActionError>, SessionError>>;
}

impl Exchange for Session {
    async fn get(
        &mut self,
        attribute: AttributeRef,
    ) -> Result<Result<Data, GetError>, SessionError> {
        Self::get(self, attribute).await
    }

    async fn action(
        &mut self,
        method: MethodRef,
        parameters: &Data,
    ) -> Result<Result<Option<Data>, ActionError>, SessionError> {
        Self::action(self, method, Some(parameters)).await
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("the image is empty")]
    Empty,
    #[error("the image has {0} bytes; an image transfer counts bytes and blocks in 32 bits")]
    TooLarge(u64),
    #[error("the identifier has {0} bytes; it is 1 to 255")]
    Identifier(usize),
    #[error("the image file cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("{what}: {why}")]
    Refused { what: String, why: String },
    #[error("the meter's image block size is 0: it takes no image now")]
    BlockSize,
    #[error(
        "image transfer is not enabled in the meter (attribute 5 is false); \
         if it may be written, `set TARGET {CLASS}/{0:#}/5 true` enables it"
    )]
    Disabled(Obis),
    #[error(
        "there is nothing to go on with: the meter's image transfer status is \"{0}\"; start anew without --resume"
    )]
    NothingToResume(String),
    #[error(
        "the meter holds the blocks of another image: {bits} block(s) there, {blocks} in this file; \
         start anew without --resume"
    )]
    OtherImage { bits: usize, blocks: u32 },
    #[error(
        "the meter still lacks block {block} of {blocks} after it was sent {rounds} times; its status is \"{status}\""
    )]
    StillMissing {
        block: u32,
        blocks: u32,
        rounds: u32,
        status: String,
    },
    #[error(
        "the meter found the image wrong: verification failed ({0}); \
         it is damaged, for another meter, or not signed for it. Nothing was activated"
    )]
    VerificationFailed(String),
    #[error("activation failed ({0}); the meter goes on with what it had")]
    ActivationFailed(String),
    #[error("{what} took longer than {}; the meter's status is still \"{status}\"", humantime::format_duration(*.waited))]
    TooLong {
        what: &'static str,
        waited: Duration,
        status: String,
    },
}

/// `transfer initiated (1)`
pub fn words(status: u8) -> String {
    decode(CLASS, 6, &Data::Enum(status)).to_text()
}
