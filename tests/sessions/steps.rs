//! The steps a client printed, in order, against the answers in the bytes of its session.

use crate::answers::Answer;
use crate::printed::{same, same_cell, same_shown};
use crate::trace::hex;
use obiscope::cosem::object_list::ObjectList;
use obiscope::cosem::profile::{capture_objects, rows};
use obiscope::cosem::{AttributeRef, Data, Obis};
use obiscope::dlms::xdlms::{ActionResult, DataAccessResult, MethodRef, tag};
use serde_json::Value;
use std::collections::HashMap;

#[derive(Default)]
pub struct Report {
    pub compared: usize,
    /// Step, and what is different.
    pub differences: Vec<(String, String)>,
}

struct Session<'a> {
    answers: std::slice::Iter<'a, Answer>,
    /// Exponents of the registers whose scaler and unit the client has read.
    scalers: HashMap<Obis, i32>,
    /// Attribute 3 of the profiles.
    columns: HashMap<Obis, &'a Data>,
    report: Report,
}

pub fn compare(printed: &str, answers: &[Answer]) -> Report {
    let mut session = Session {
        answers: answers.iter(),
        scalers: HashMap::new(),
        columns: HashMap::new(),
        report: Report::default(),
    };
    for line in printed.lines() {
        let step: Value = serde_json::from_str(line).unwrap();
        session.step(&step);
    }
    session.end();
    session.report
}

fn attribute(class: &str, obis: &str, attribute: &str) -> AttributeRef {
    AttributeRef {
        class: class.parse().unwrap(),
        obis: obis.parse().unwrap(),
        attribute: attribute.parse().unwrap(),
    }
}

impl<'a> Session<'a> {
    fn judge(&mut self, step: &str, right: bool, what: impl FnOnce() -> String) {
        self.report.compared += 1;
        if !right {
            let what = what().chars().take(400).collect();
            self.report.differences.push((step.to_owned(), what));
        }
    }

    /// The next answer that is wanted. Only what a client reads by itself on the way may be passed over.
    fn next(&mut self, step: &str, wanted: impl Fn(&Answer) -> bool) -> &'a Answer {
        for answer in self.answers.by_ref() {
            if let Answer::Value {
                attribute, data, ..
            } = answer
            {
                match (attribute.class, attribute.attribute) {
                    (3, 3) => {
                        let exponent = data.elements().and_then(|both| both.first()?.as_integer());
                        let exponent = i32::try_from(exponent.unwrap()).unwrap();
                        self.scalers.insert(attribute.obis, exponent);
                    }
                    (7, 3) => drop(self.columns.insert(attribute.obis, data)),
                    _ => {}
                }
            }
            if wanted(answer) {
                return answer;
            }
            let by_itself = match answer {
                Answer::Linked(_) | Answer::Associated(_) => true,
                // Pass 3 and 4 of HLS.
                Answer::Acted(method, result) => {
                    (method.class, method.method, *result) == (15, 1, ActionResult::SUCCESS)
                }
                // The end of the association that read the counter.
                Answer::Other(found) => [tag::RLRE, tag::EXCEPTION_RESPONSE].contains(found),
                Answer::Value { attribute, .. } => {
                    matches!((attribute.class, attribute.attribute), (3 | 7, 3))
                }
                _ => false,
            };
            assert!(by_itself, "{step}: {answer:?} was passed over");
        }
        panic!("{step}: not in the bytes");
    }

    /// What is left are ends of associations; that of a link, too, is answered with parameters by one meter.
    fn end(&mut self) {
        for answer in self.answers.by_ref() {
            assert!(
                matches!(
                    answer,
                    Answer::Linked(_) | Answer::Other(tag::RLRE | tag::EXCEPTION_RESPONSE)
                ),
                "{answer:?} was printed nowhere"
            );
        }
    }

    fn value(&mut self, step: &str, wanted: AttributeRef, by: bool) -> (&'a Data, &'a [u8]) {
        let (data, octets) = self.found(step, wanted, by);
        let (_, used) = Data::decode(octets).unwrap();
        let left = &octets[used..];
        self.judge(step, left.is_empty(), || {
            format!("behind the value: {left:02X?}")
        });
        (data, octets)
    }

    fn found(&mut self, step: &str, wanted: AttributeRef, by: bool) -> (&'a Data, &'a [u8]) {
        let answer = self.next(step, |answer| {
            matches!(answer, Answer::Value { attribute, selected, .. }
                if (*attribute, *selected) == (wanted, by))
        });
        let Answer::Value { data, octets, .. } = answer else {
            unreachable!()
        };
        (data, octets)
    }

    fn step(&mut self, printed: &Value) {
        let step = printed["step"].as_str().unwrap();
        let words: Vec<&str> = step.split(':').collect();
        match *words.as_slice() {
            ["ic"] => {
                let counter = attribute("1", "0.0.43.1.0.255", "2");
                let (data, _) = self.value(step, counter, false);
                self.judge(step, same(&printed["value"], data), || data.to_text());
            }
            ["connect"] => self.connect(step, printed),
            ["assoc"] => self.object_list(step, printed),
            ["get", class, obis, number] => {
                let wanted = attribute(class, obis, number);
                let (data, octets) = self.value(step, wanted, false);
                self.got(printed, wanted, data, octets);
            }
            ["getlist", _] => {
                let answer = self.next(step, |answer| matches!(answer, Answer::List(_)));
                let Answer::List(list) = answer else {
                    unreachable!()
                };
                let whole = Data::Array(list.clone());
                self.judge(step, same(&printed["value"], &whole), || whole.to_text());
            }
            ["rows" | "range", obis, ..] => {
                let buffer = attribute("7", obis, "2");
                let (data, _) = self.value(step, buffer, true);
                self.table(printed, buffer.obis, data);
            }
            ["setclock"] => self.set(
                step,
                attribute("8", "0.0.1.0.0.255", "2"),
                &printed["value"],
            ),
            ["set", class, obis, number, ..] => {
                self.set(step, attribute(class, obis, number), &printed["value"]);
            }
            ["action", class, obis, number, ..] => {
                let wanted = MethodRef {
                    class: class.parse().unwrap(),
                    obis: obis.parse().unwrap(),
                    method: number.parse().unwrap(),
                };
                let answer = self.next(
                    step,
                    |answer| matches!(answer, Answer::Acted(method, _) if *method == wanted),
                );
                let Answer::Acted(_, result) = answer else {
                    unreachable!()
                };
                let right = printed["value"].is_null() && *result == ActionResult::SUCCESS;
                self.judge(step, right, || result.to_string());
            }
            ["close"] => {
                let answer = self.next(step, |answer| {
                    matches!(answer, Answer::Other(tag::EXCEPTION_RESPONSE))
                });
                let said = printed["error"].as_str().unwrap();
                let right = said.contains("Service not allowed");
                self.judge(step, right, || format!("{answer:?}"));
            }
            _ => panic!("{step} is not known here"),
        }
    }

    fn connect(&mut self, step: &str, printed: &Value) {
        let mut linked = None;
        let mut associated = None;
        // After an association that only read the counter comes a second link.
        let rest = self.answers.clone();
        for answer in rest {
            match answer {
                Answer::Linked(parameters) if associated.is_none() => linked = Some(*parameters),
                Answer::Associated(response) => {
                    associated = Some(response);
                    break;
                }
                _ => {}
            }
        }
        self.next(step, |answer| matches!(answer, Answer::Associated(_)));
        let granted = associated.unwrap();
        let pdu = printed["pdu"].as_u64() == Some(granted.max_pdu.into());
        self.judge(step, pdu, || format!("{granted:?}"));
        // Their number has bit 0 of the standard lowest.
        if let Some(bits) = printed["conformance"].as_str() {
            let bits: u32 = bits.parse().unwrap();
            let ours = granted.conformance.0.reverse_bits() >> 8;
            self.judge(step, bits == ours, || format!("{bits:06X} / {ours:06X}"));
        }
        if let Some(sizes) = printed["hdlc"].as_array() {
            let link = linked.unwrap();
            let ours = [
                u64::from(link.max_info_transmit),
                link.max_info_receive.into(),
                link.window_transmit.into(),
                link.window_receive.into(),
            ];
            let theirs: Vec<_> = sizes.iter().filter_map(Value::as_u64).collect();
            self.judge(step, theirs == ours, || format!("{link:?}"));
        }
    }

    fn object_list(&mut self, step: &str, printed: &Value) {
        let current = attribute("15", "0.0.40.0.0.255", "2");
        let (data, _) = self.value(step, current, false);
        let list = ObjectList::from_data(data).unwrap();
        assert!(list.problems.is_empty(), "{:?}", list.problems);
        let ours: Vec<Value> = list
            .objects
            .iter()
            .map(|object| {
                let o = object.obis.0;
                let code = format!("{}.{}.{}.{}.{}.{}", o[0], o[1], o[2], o[3], o[4], o[5]);
                serde_json::json!([object.class, object.version, code])
            })
            .collect();
        let theirs = printed["objects"].as_array().unwrap();
        let missing: Vec<_> = ours
            .iter()
            .filter(|object| !theirs.contains(object))
            .collect();
        self.judge(step, *theirs == ours, || {
            format!(
                "{} / {}; they leave out {missing:?}",
                theirs.len(),
                ours.len()
            )
        });
        // Whatever they leave out: the rest is the same, in the same order.
        let kept: Vec<_> = ours
            .iter()
            .filter(|object| theirs.contains(object))
            .collect();
        assert!(kept.iter().copied().eq(theirs), "{step}");
    }

    fn got(&mut self, printed: &Value, asked: AttributeRef, data: &Data, octets: &[u8]) {
        let step = printed["step"].as_str().unwrap();
        if let Some(raw) = printed.get("raw") {
            self.judge(step, same(raw, data), || data.to_text());
            let shown = &printed["value"];
            if asked.class != 7 {
                let right = same_shown(asked.class, asked.attribute, shown, data);
                self.judge(step, right, || {
                    format!("shown as {shown}, is {}", data.to_text())
                });
            }
        } else {
            let whole = hex(printed["hex"].as_str().unwrap());
            self.judge(step, whole == octets && data.to_bytes() == whole, || {
                data.to_text()
            });
            let value = &printed["value"];
            if !value.is_null() {
                self.judge(step, same(value, data), || data.to_text());
            }
        }
    }

    fn table(&mut self, printed: &Value, profile: Obis, data: &Data) {
        let step = printed["step"].as_str().unwrap();
        let Some(theirs) = printed["rows"].as_array() else {
            panic!("{step}: no rows");
        };
        let columns = self
            .columns
            .get(&profile)
            .map(|data| capture_objects(data).unwrap());
        let ours: Vec<Vec<Data>> = if let Some(columns) = &columns {
            rows(data, columns, 0, None).unwrap()
        } else {
            let rows = data.elements().unwrap().iter();
            rows.map(|row| row.elements().unwrap().to_vec()).collect()
        };
        self.judge(
            step,
            printed["count"].as_u64() == u64::try_from(ours.len()).ok(),
            || format!("{} rows", ours.len()),
        );
        if let (Some(printed), Some(columns)) = (printed["columns"].as_array(), &columns) {
            let right = printed.len() == columns.len()
                && printed.iter().zip(columns).all(|(printed, column)| {
                    let at = column.attribute;
                    printed[0] == at.class
                        && printed[1].as_str().unwrap().parse() == Ok(at.obis)
                        && printed[2] == at.attribute
                });
            self.judge(step, right, || format!("{columns:?}"));
        }
        let scaler = |at: usize| {
            let column = columns.as_ref()?.get(at)?;
            self.scalers.get(&column.attribute.obis).copied()
        };
        let wrong = theirs
            .iter()
            .zip(&ours)
            .enumerate()
            .find(|(_, (theirs, ours))| {
                let cells = theirs.as_array().unwrap();
                let each = cells.iter().zip(ours.iter()).enumerate();
                cells.len() != ours.len()
                    || !each
                        .into_iter()
                        .all(|(at, (printed, data))| same_cell(printed, data, scaler(at)))
            });
        let wrong = wrong.map(|(at, (theirs, ours))| format!("row {at}: {theirs} / {ours:?}"));
        self.judge(step, wrong.is_none(), || wrong.unwrap_or_default());
    }

    fn set(&mut self, step: &str, wanted: AttributeRef, printed: &Value) {
        let answer = self.next(
            step,
            |answer| matches!(answer, Answer::Set(attribute, _) if *attribute == wanted),
        );
        let Answer::Set(_, result) = answer else {
            unreachable!()
        };
        let said = printed.as_str().unwrap();
        let theirs = said == "ok" || said.contains("SUCCESS");
        self.judge(
            step,
            theirs == (*result == DataAccessResult::SUCCESS),
            || result.to_string(),
        );
    }
}
