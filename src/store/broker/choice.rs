//! What a broker is chosen by word: the dialect of its payloads and the version of its protocol. The rule: the name on the
//! command line and the one in the database are the same.

use std::fmt;
use std::str::FromStr;

use super::wrong;
use crate::meter::definition::FieldError;

/// The shape of topic and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `meters/{device}/telemetry`, value, unit and OBIS code per measurement.
    Json,
    /// `v1/devices/me/telemetry`, `{"ts":…,"values":{…}}`.
    ThingsBoard,
    /// `v1/gateway/telemetry`, `{"DEVICE":[{"ts":…,"values":{…}}]}`: one token for all meters.
    ThingsBoardGateway,
    /// Topic and payload as the broker's definition says.
    Template,
    /// States and discovery as Home Assistant reads them.
    HomeAssistant,
}

impl Dialect {
    pub const ALL: [Self; 5] = [
        Self::Json,
        Self::ThingsBoard,
        Self::ThingsBoardGateway,
        Self::Template,
        Self::HomeAssistant,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::ThingsBoard => "thingsboard",
            Self::ThingsBoardGateway => "thingsboard-gateway",
            Self::Template => "template",
            Self::HomeAssistant => "homeassistant",
        }
    }

    /// One of ThingsBoard's own.
    pub const fn is_thingsboard(self) -> bool {
        matches!(self, Self::ThingsBoard | Self::ThingsBoardGateway)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::name).join(", ");
                wrong(
                    "dialect",
                    format!("{text:?} is not known; write one of {known}"),
                )
            })
    }
}

/// The version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    V311,
    V5,
}

impl Protocol {
    /// ThingsBoard says no to single messages by MQTT 5 only; other brokers speak 3.1.1 most surely.
    pub const fn of(dialect: Dialect) -> Self {
        if dialect.is_thingsboard() {
            Self::V5
        } else {
            Self::V311
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        [Self::V311, Self::V5]
            .into_iter()
            .find(|version| version.name() == text)
            .ok_or_else(|| wrong("mqtt", format!("{text:?} is not known; write 3.1.1 or 5")))
    }
}
