//! xDLMS services: GET, SET, ACTION, ACCESS, READ and WRITE by short names, notifications, and the errors that answer them. Codecs are views over octets, the same for client and meter.
pub mod access;
pub mod action;
pub mod conformance;
pub mod error;
pub mod gbt;
pub mod get;
pub mod list;
#[cfg(test)]
mod names_tests;
pub mod notify;
pub(in crate::dlms) mod reader;
pub mod selection;
mod service_error;
#[cfg(test)]
mod services_tests;
pub mod set;
pub mod short;
pub mod tag;
#[cfg(test)]
mod tests;

pub use action::{ActionRequest, ActionResponse, ActionResult, MethodRef};
pub use conformance::Conformance;
pub use error::{ApduError, DataAccessResult, ExceptionResponse, ServiceError};
pub use gbt::GeneralBlock;
pub use get::{GetRequest, GetResponse, InvokeId};
pub use selection::Selection;
pub use set::{SetRequest, SetResponse};
