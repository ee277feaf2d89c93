//! What a meter sends unasked over logical names: data-notification and event-notification. Views over octets, both ways.
use super::access::{LongInvokeId, head, put_head};
use super::error::ApduError;
use super::list::attribute;
use super::reader::Reader;
use super::tag;
use crate::cosem::AttributeRef;
use crate::cosem::data::encode_length;

/// `0F long-invoke-id date-time body`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataNotification<'a> {
    pub invoke: LongInvokeId,
    /// Twelve octets, or none.
    pub date_time: &'a [u8],
    /// Encoded data, to the end of the APDU.
    pub body: &'a [u8],
}

/// `C2 time? attribute value`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventNotification<'a> {
    pub time: Option<[u8; 12]>,
    pub attribute: AttributeRef,
    /// Encoded data, to the end of the APDU.
    pub value: &'a [u8],
}

const OCTET_STRING: u8 = 9;
const DATE_TIME: u8 = 12;

impl<'a> DataNotification<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::DATA_NOTIFICATION, "not a data-notification")?;
        let mut ahead = reader;
        let invoke = LongInvokeId(ahead.u32("a long-invoke-id that is cut off")?);
        // Kaifa writes the data tag of the octet-string as well; a date-time nine octets long there is none.
        let tagged = ahead
            .array("")
            .is_ok_and(|two| two == [OCTET_STRING, DATE_TIME]);
        let date_time = if tagged {
            reader.u32("a long-invoke-id that is cut off")?;
            reader.byte("a date-time that is cut off")?;
            reader.octets("a date-time that is cut off")?
        } else {
            head(&mut reader)?.1
        };
        let body = reader.something("a data-notification without its body")?;
        Ok(Self {
            invoke,
            date_time,
            body,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_head(tag::DATA_NOTIFICATION, self.invoke, self.date_time, out);
        out.extend_from_slice(self.body);
    }
}

impl<'a> EventNotification<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::EVENT_NOTIFICATION, "not an event-notification")?;
        let time = if reader.flag("a time that is neither there nor not")? {
            // The length is fixed, so some leave it out; no year begins with 0C.
            if reader.peek() == Some(DATE_TIME) {
                reader.byte("a time that is cut off")?;
            }
            Some(reader.array("a time that is cut off")?)
        } else {
            None
        };
        let attribute = attribute(&mut reader)?;
        let value = reader.something("an event-notification without its value")?;
        Ok(Self {
            time,
            attribute,
            value,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[tag::EVENT_NOTIFICATION, u8::from(self.time.is_some())]);
        if let Some(time) = self.time {
            encode_length(time.len(), out);
            out.extend_from_slice(&time);
        }
        out.extend_from_slice(&self.attribute.class.to_be_bytes());
        out.extend_from_slice(&self.attribute.obis.0);
        out.push(self.attribute.attribute.cast_unsigned());
        out.extend_from_slice(self.value);
    }
}
