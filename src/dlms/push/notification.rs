//! The three services a meter sends unasked: data-notification, event-notification, information-report.
//! The rule: date-times are taken in each form meters write them, and a notification that ends early is an error, not half a reading.

use super::body::{self, Value};
use crate::cosem::{Data, DateTime};
use crate::dlms::xdlms::reader::Reader;
use crate::dlms::xdlms::{ApduError, tag};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    DataNotification,
    EventNotification,
    InformationReport,
}

impl Service {
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataNotification => "data-notification",
            Self::EventNotification => "event-notification",
            Self::InformationReport => "information-report",
        }
    }
}

/// An opened push, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub service: Service,
    /// Number and priority of a data-notification, as sent.
    pub long_invoke_id: Option<u32>,
    /// When the meter says it was made: in front of the body, else its clock in the body.
    pub time: Option<DateTime>,
    /// The identifier the list sends, with control characters made visible.
    pub list: Option<String>,
    /// The maker's list that gave meaning to positions or scalers.
    pub pattern: Option<&'static str>,
    pub values: Vec<Value>,
    /// Values that were too many to keep.
    pub more: usize,
}

/// The first octet of something that is read here.
pub(super) const fn service(octet: u8) -> Option<Service> {
    match octet {
        tag::DATA_NOTIFICATION => Some(Service::DataNotification),
        tag::EVENT_NOTIFICATION => Some(Service::EventNotification),
        0x18 => Some(Service::InformationReport),
        _ => None,
    }
}

impl Notification {
    pub fn parse(apdu: &[u8]) -> Result<Self, ApduError> {
        let mut from = Reader::new(apdu);
        match apdu.first().copied().and_then(service) {
            Some(Service::DataNotification) => data(&mut from),
            Some(Service::EventNotification) => event(&mut from),
            Some(Service::InformationReport) => report(&mut from),
            None => {
                Err(from
                    .error("neither data-notification, event-notification nor information-report"))
            }
        }
    }

    fn new(service: Service) -> Self {
        Self {
            service,
            long_invoke_id: None,
            time: None,
            list: None,
            pattern: None,
            values: Vec::new(),
            more: 0,
        }
    }
}

/// `0F long-invoke-id-and-priority date-time body`
fn data(from: &mut Reader<'_>) -> Result<Notification, ApduError> {
    from.byte("no tag")?;
    let invoke = from.u32("a long-invoke-id that is cut off")?;
    // Kaifa writes the octet-string's data tag as well; 09 cannot be a length here.
    let tagged = from.peek() == Some(0x09);
    if tagged {
        from.byte("no date-time")?;
    }
    let time = date_time(from.octets("a date-time that is cut off")?);
    let (value, _) = from.value("a body that cannot be read")?;
    from.end("octets behind the body")?;
    let body = body::read(&value, tagged);
    Ok(Notification {
        long_invoke_id: Some(invoke),
        time: time.or(body.clock),
        list: body.list,
        pattern: body.pattern,
        values: body.values,
        more: body.more,
        ..Notification::new(Service::DataNotification)
    })
}

/// `C2 time? attribute-descriptor value`
fn event(from: &mut Reader<'_>) -> Result<Notification, ApduError> {
    from.byte("no tag")?;
    let mut notification = Notification::new(Service::EventNotification);
    if from.flag("a time neither absent (00) nor present (01)")? {
        notification.time = date_time(from.octets("a time that is cut off")?);
    }
    let class = from.u16("an event without its class")?;
    let obis = from.array("an event without its logical name")?;
    let attribute = from.byte("an event without its attribute")?;
    let (data, _) = from.value("an event's value that cannot be read")?;
    from.end("octets behind the event's value")?;
    let mut value = Value::new(Some(crate::cosem::Obis(obis)), 1, &data);
    value.class = Some(class);
    value.attribute = Some(attribute);
    notification.values.push(value);
    Ok(notification)
}

/// `18 time? names values`
fn report(from: &mut Reader<'_>) -> Result<Notification, ApduError> {
    from.byte("no tag")?;
    let mut notification = Notification::new(Service::InformationReport);
    if from.flag("a time neither absent (00) nor present (01)")? {
        // Generalised time is text; some write twelve octets.
        notification.time = date_time(from.octets("a time that is cut off")?);
    }
    let count = from.length("a report without its names")?;
    let mut names = Vec::new();
    for _ in 0..count {
        from.tag(2, "a variable that is not given by its short name")?;
        names.push(from.u16("a short name that is cut off")?);
    }
    if from.length("a report without its values")? != count {
        return Err(from.error("a report with another number of values than of names"));
    }
    for (index, name) in names.into_iter().enumerate() {
        let (data, _): (Data, _) = from.value("a report's value that cannot be read")?;
        let mut value = Value::new(None, index.saturating_add(1), &data);
        value.short_name = Some(name);
        notification.values.push(value);
    }
    from.end("octets behind the report")?;
    Ok(notification)
}

/// Twelve octets; meters that have no time send none, or nothing specified.
fn date_time(octets: &[u8]) -> Option<DateTime> {
    let raw: [u8; 12] = octets.try_into().ok()?;
    (raw.iter().any(|octet| *octet != 0xFF)).then_some(DateTime { raw })
}
