//! A meter as a platform knows it: name, type, attributes. The rule: what identifies it is text, never a number.

use crate::cosem::{Obis, Unit};
use crate::meter::MeterId;

#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub meter: MeterId,
    pub name: String,
    /// What the platform calls this kind of device.
    pub kind: String,
    /// Name and JSON literal.
    pub attributes: Vec<(String, String)>,
    pub objects: Vec<DeviceObject>,
}

/// What is read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceObject {
    pub key: String,
    pub obis: Obis,
    pub class: u16,
    /// Once a value came.
    pub unit: Option<Unit>,
}

/// What the platform calls a meter unless the broker's definition says otherwise; the device profile in `assets/thingsboard`.
pub const DEVICE_TYPE: &str = "dlms";
