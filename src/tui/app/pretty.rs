//! JSON laid out for the eye, octet for octet as it went out: numbers keep their digits and members their order. The rule:
//! what is no JSON is shown as it is.
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Lines shown at most.
const LINES: usize = 400;

/// None when it is no JSON object or array.
pub fn lines(text: &str, width: usize) -> Option<Vec<String>> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    if !raw.get().starts_with(['{', '[']) {
        return None;
    }
    let mut lines = vec![String::new()];
    write(raw, 0, width, &mut lines);
    Some(lines)
}

/// Goes on in the last line; what fits in one stays in one, but for the outermost.
fn write(raw: &RawValue, depth: usize, width: usize, lines: &mut Vec<String>) {
    let text = raw.get();
    let used = lines.last().map_or(0, |line| line.chars().count());
    let fits = depth > 0 && used + text.chars().count() < width;
    let members = (!fits && text.starts_with('{'))
        .then(|| serde_json::from_str::<Members<'_>>(text).ok())
        .flatten();
    let items = (!fits && text.starts_with('['))
        .then(|| serde_json::from_str::<Vec<&RawValue>>(text).ok())
        .flatten();
    let (open, close, parts) = match (members, items) {
        (Some(members), _) => ('{', '}', members.0),
        (None, Some(items)) => {
            let items = items.into_iter().map(|item| (None, item));
            ('[', ']', items.collect())
        }
        (None, None) => {
            put(lines, text);
            return;
        }
    };
    put(lines, &open.to_string());
    let count = parts.len();
    for (nth, (name, value)) in parts.into_iter().enumerate() {
        if lines.len() >= LINES {
            lines.push("…".to_owned());
            return;
        }
        let indent = "  ".repeat(depth + 1);
        let name = name.map_or_else(String::new, |name| format!("{}: ", quoted(&name)));
        lines.push(format!("{indent}{name}"));
        write(value, depth + 1, width, lines);
        if nth + 1 < count {
            put(lines, ",");
        }
    }
    lines.push(format!("{}{close}", "  ".repeat(depth)));
}

fn put(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(Option<String>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    found.push((Some(name), value));
                }
                Ok(Members(found))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_order_stay_as_they_went_out() {
        let text = r#"{"z":1,"ts":1795444334123,"a":{"value":135.40,"unit":35},"list":[1,2.0]}"#;
        let lines = lines(text, 40).unwrap();
        assert_eq!(
            lines,
            [
                "{",
                r#"  "z": 1,"#,
                r#"  "ts": 1795444334123,"#,
                r#"  "a": {"value":135.40,"unit":35},"#,
                r#"  "list": [1,2.0]"#,
                "}"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_opened_and_what_is_no_json_is_left() {
        let nested = lines(r#"{"a":{"value":135.40}}"#, 10).unwrap();
        assert_eq!(
            nested,
            ["{", r#"  "a": {"#, r#"    "value": 135.40"#, "  }", "}"]
        );
        for text in ["", "12", "\"a\"", "{\"a\":", "ON", "{}x"] {
            assert_eq!(lines(text, 40), None, "{text}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(lines(&deep, 4).unwrap().len() <= LINES + 100);
        let long = format!("[{}1]", "1,".repeat(10_000));
        assert!(lines(&long, 40).unwrap().len() <= LINES + 2);
    }
}
