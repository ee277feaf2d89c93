//! The values of the selected meter, one row an object. The rule: a value is shown with the
//! time it was read and whether it can be trusted, never alone.
use super::meters::late;
use super::trend::{Trend, Trends};
use super::words;
use crate::cosem::data::printable;
use crate::cosem::date_time::DateTime;
use crate::cosem::{Data, ObjectSpec};
use crate::diagnosis::Finding;
use crate::diagnosis::plausible::concerns;
use crate::headend::MeterView;
use crate::meter::Reading;
use jiff::{Timestamp, tz::TimeZone};
use std::time::Duration;

#[derive(Debug, Default)]
pub struct ValuesPane {
    pub selected: usize,
    pub top: usize,
}

impl ValuesPane {
    pub fn step(&mut self, by: isize, rows: usize) {
        self.selected = self
            .selected
            .saturating_add_signed(by)
            .min(rows.saturating_sub(1));
    }
}

/// Whether a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    Good,
    /// Older than it should be.
    Old,
    /// The meter's clock is not ours.
    Drift,
    /// It cannot be so, or hardly: a finding names it.
    Doubtful,
    /// The last reading failed.
    Failed,
    /// Not read yet.
    Waiting,
}

impl Quality {
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Good => "●",
            Self::Old | Self::Drift | Self::Doubtful => "!",
            Self::Failed => "✗",
            Self::Waiting => "·",
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Old => "old",
            Self::Drift => "drift",
            Self::Doubtful => "doubt",
            Self::Failed => "failed",
            Self::Waiting => "none",
        }
    }
}

/// One row, ready to be laid out.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub name: String,
    /// Short form of the code, with the attribute where it is not the value.
    pub code: String,
    pub value: String,
    pub unit: String,
    /// A number: right-aligned, with a course.
    pub number: bool,
    pub age: Option<Duration>,
    pub quality: Quality,
    /// What else is to be said: drift, or why it failed.
    pub remark: Option<String>,
    /// The same for a narrow place.
    pub brief: Option<String>,
}

/// A reading of a meter's clock that differs by more than this is worth a word.
const DRIFT: i64 = 5;

/// How many rows a meter has.
pub fn rows(view: &MeterView) -> usize {
    view.definition.objects.len()
}

pub fn row(view: &MeterView, index: usize, now: Timestamp, zone: &TimeZone) -> Option<Row> {
    let object = view.definition.objects.get(index)?;
    let reading = view.status.values.get(index).and_then(Option::as_ref);
    let (name, code) = match object.spec {
        ObjectSpec::Value(obis) => (obis.describe(), format!("{obis:#}")),
        ObjectSpec::Attribute(a) if a.attribute == 2 => {
            (a.obis.describe(), format!("{:#}", a.obis))
        }
        ObjectSpec::Attribute(a) => (a.obis.describe(), format!("{:#} /{}", a.obis, a.attribute)),
    };
    let mut row = Row {
        name,
        code,
        value: "-".to_owned(),
        unit: String::new(),
        number: true,
        age: None,
        quality: Quality::Waiting,
        remark: None,
        brief: None,
    };
    let Some(reading) = reading else {
        return Some(row);
    };
    let age: Duration = now
        .duration_since(reading.at)
        .try_into()
        .unwrap_or_default();
    row.age = Some(age);
    match &reading.value {
        Err(error) => {
            row.quality = Quality::Failed;
            row.remark = Some(printable(&error.to_string()));
        }
        Ok(data) => {
            row.number = reading.decimal().is_some();
            row.quality = if age > late(view.definition.every(object)) {
                Quality::Old
            } else {
                Quality::Good
            };
            if let Some(unit) = reading.scaler_unit {
                unit.unit.symbol().clone_into(&mut row.unit);
            }
            row.value = printable(&reading.text());
            if let Some(clock) = clock(reading, data) {
                row.value = clock_words(clock);
                if let Some(seconds) = drift(clock, reading.at, zone) {
                    let (remark, brief) = drift_words(seconds);
                    (row.remark, row.brief) = (Some(remark), Some(brief));
                    if seconds.abs() > DRIFT && row.quality == Quality::Good {
                        row.quality = Quality::Drift;
                    }
                }
            }
        }
    }
    if row.quality == Quality::Good && doubt(view, reading).is_some() {
        row.quality = Quality::Doubtful;
    }
    Some(row)
}

/// What the likeliest finding about this value says.
fn doubt<'a>(view: &'a MeterView, reading: &Reading) -> Option<&'a Finding> {
    let mut findings = view.status.findings.iter();
    findings.find(|finding| concerns(finding, reading.obis()))
}

/// The date-time of a clock object (class 8, attribute 2).
fn clock(reading: &Reading, data: &Data) -> Option<DateTime> {
    if reading.attribute.class != 8 || reading.attribute.attribute != 2 {
        return None;
    }
    match data {
        Data::DateTime(clock) => Some(*clock),
        other => {
            let raw = other.as_octets()?.try_into().ok()?;
            Some(DateTime { raw })
        }
    }
}

/// A clock's time to the second; what is odd about it stands in the detail.
fn clock_words(clock: DateTime) -> String {
    clock.civil().map_or_else(
        || clock.to_string(),
        |civil| civil.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// Seconds the meter's clock is ahead of this computer. Meters differ in the sign of the
/// deviation and some leave it out, so each reading of it is tried and the nearest counts.
fn drift(clock: DateTime, at: Timestamp, zone: &TimeZone) -> Option<i64> {
    let civil = clock.civil()?;
    let mut offsets = vec![zone.to_offset(at).seconds()];
    if let Some(minutes) = clock.deviation() {
        offsets.extend([i32::from(minutes) * 60, -i32::from(minutes) * 60]);
    }
    offsets
        .into_iter()
        .filter_map(|seconds| jiff::tz::Offset::from_seconds(seconds).ok())
        .filter_map(|offset| offset.to_timestamp(civil).ok())
        .map(|meter| meter.duration_since(at).as_secs())
        .min_by_key(|seconds| seconds.abs())
}

fn drift_words(seconds: i64) -> (String, String) {
    let by = words::span(Duration::from_secs(seconds.unsigned_abs()));
    let (brief, rest) = match seconds {
        -1..=1 => ("in step".to_owned(), "with"),
        2.. => (format!("{by} ahead"), "of"),
        _ => (format!("{by} behind"), ""),
    };
    let remark = [&brief, rest, "this computer"].join(" ").replace("  ", " ");
    (remark, brief)
}

/// Everything about the selected row in one line.
pub fn detail(view: &MeterView, index: usize, trends: &Trends, zone: &TimeZone) -> String {
    let Some(object) = view.definition.objects.get(index) else {
        return String::new();
    };
    let mut parts = vec![object.key.clone()];
    if let Some(Some(reading)) = view.status.values.get(index) {
        match &reading.value {
            Err(error) => parts.push(error.to_string()),
            Ok(data) => {
                let scaled = reading
                    .scaler_unit
                    .map(|unit| format!(" × 10^{} {}", unit.scaler, unit.unit.symbol()))
                    .unwrap_or_default();
                let raw = data.as_integer().map(|raw| format!(" {raw}{scaled}"));
                let told = clock(reading, data).map(|clock| format!(" {clock}"));
                let text = format!("{}{}", data.type_name(), raw.or(told).unwrap_or_default());
                parts.push(text.trim_end().to_owned());
            }
        }
        if let Some(finding) = doubt(view, reading) {
            parts.push(format!("{} {}", finding.id, finding.title));
        }
        let at = reading.at.to_zoned(zone.clone());
        parts.push(format!("read {}", at.strftime("%H:%M:%S")));
        let trend = trends.get(view.definition.id, &object.key);
        if let Some((low, high)) = trend.and_then(Trend::range) {
            let digits = reading
                .scaler_unit
                .map_or(0, |unit| usize::from(unit.scaler.min(0).unsigned_abs()));
            parts.push(format!("{low:.digits$} to {high:.digits$}"));
        }
    }
    printable(&parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Confidence, Evidence, Finding};
    use crate::tui::app::fixture::Moment;

    #[test]
    fn a_value_that_a_finding_names_is_doubtful() {
        let moment = Moment::new();
        let mut view = moment.healthy();
        let (now, zone) = (moment.now().wall, TimeZone::UTC);
        let quality = |view: &MeterView, at| row(view, at, now, &zone).unwrap().quality;
        let before = quality(&view, 0);
        let obis = view.status.values[0].as_ref().unwrap().obis();
        let of = |text: String| Finding {
            id: "V1",
            title: "The voltage is far from its nominal value".to_owned(),
            confidence: Confidence::Likely,
            evidence: vec![Evidence::words(text)],
            remedy: Vec::new(),
            count: 1,
        };
        view.status.findings = vec![of(format!("{obis}1 = 3 V"))].into();
        assert_eq!(quality(&view, 0), before, "another object");
        view.status.findings = vec![of(format!("{obis} = 231.00 V, nominal is 120 V"))].into();
        assert_eq!(before, Quality::Good);
        assert_eq!(quality(&view, 0), Quality::Doubtful);
        assert_eq!(quality(&view, 1), Quality::Good);
        let text = detail(&view, 0, &Trends::default(), &zone);
        assert!(text.contains("V1 The voltage is far"), "{text}");
    }
}
