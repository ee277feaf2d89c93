//! The store against real files: what every test starts from.

mod attempts;
mod files;
mod queue;
mod rows;

use std::path::PathBuf;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit, Unit};
use crate::meter::{PolledObject, Reading, ReadingError};

const VOLTAGE: Obis = Obis::new(1, 1, 32, 7, 0, 255);

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

fn meter(name: &str) -> Definition {
    let mut meter = Definition::new(name, "10.0.4.7", 3333);
    meter.objects = vec![
        PolledObject {
            every: Some(std::time::Duration::from_mins(15)),
            report: "change:0.5,10m".parse().unwrap(),
            limits: "high:253,low:207,hysteresis:2,rate:50/1m".parse().unwrap(),
            ..PolledObject::new(ObjectSpec::Value(VOLTAGE), "voltage_l1")
        },
        PolledObject::new(
            ObjectSpec::Attribute(AttributeRef {
                class: 8,
                obis: Obis::new(0, 0, 1, 0, 0, 255),
                attribute: 2,
            }),
            "clock",
        ),
    ];
    meter.nominal.voltage = Some(127.5);
    meter.nominal.frequency = Some(60.0);
    meter
}

fn poll(meter: MeterId, milliseconds: i64, raw: i32) -> Poll {
    let reading = |obis: Obis, key: &str, value| Reading {
        spec: ObjectSpec::Value(obis),
        key: key.into(),
        attribute: AttributeRef {
            class: 3,
            obis,
            attribute: 2,
        },
        scaler_unit: Some(ScalerUnit {
            scaler: -2,
            unit: Unit(35),
        }),
        at: at(milliseconds),
        value,
    };
    Poll {
        meter,
        at: at(milliseconds),
        readings: vec![
            reading(VOLTAGE, "voltage_l1", Ok(Data::DoubleLong(raw))),
            reading(
                Obis::new(1, 1, 52, 7, 0, 255),
                "voltage_l2",
                Err(ReadingError::Link("gone".into())),
            ),
        ],
    }
}

fn broker(name: &str) -> BrokerDefinition {
    BrokerDefinition::new(name, "mqtt://user:pass@10.0.0.1", Dialect::Json).unwrap()
}

/// One message that holds its number.
fn numbered(broker: i64) -> (i64, Render) {
    let render: Render = Arc::new(|seq| vec![Message::new(Kind::Telemetry, "t", seq.to_string())]);
    (broker, render)
}

fn payloads(rows: &[OutboxRow]) -> Vec<String> {
    rows.iter()
        .map(|row| String::from_utf8(row.payload.clone()).unwrap())
        .collect()
}

struct Folder {
    root: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
        }
    }
    fn path(&self) -> PathBuf {
        self.root.path().join("data/obiscope.db")
    }
    fn open(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }
    /// A meter and a broker it publishes to, saved.
    async fn open_with_meter(&self) -> (Store, Definition, BrokerDefinition) {
        let store = self.open();
        let broker = store.save_broker(broker("lab")).await.unwrap();
        let mut meter = meter("feeder-7");
        meter.publish = Some("lab".into());
        let meter = store.save_meter(meter).await.unwrap();
        (store, meter, broker)
    }
}
