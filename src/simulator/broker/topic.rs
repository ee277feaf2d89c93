//! Topic filters: whether one is well formed and whether it matches, by clause 4.7.

/// `+` is one level, `#` the rest and the level above it; neither matches a first `$`.
pub fn matches(topic: &str, filter: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// A wildcard fills its level, and `#` is the last.
pub(super) fn valid(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    !filter.is_empty()
        && levels.iter().enumerate().all(|(at, level)| match *level {
            "#" => at + 1 == levels.len(),
            "+" => true,
            other => !other.contains(['+', '#']),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        for (topic, filter, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/+", true),
            ("a/b", "#", true),
            ("a", "a/#", true),
            ("a/b/c", "a/#", true),
            ("a/b", "+", false),
            ("a/b/c", "a/+", false),
            ("a", "a/b", false),
            ("$SYS/x", "#", false),
            ("$SYS/x", "$SYS/#", true),
            ("/a", "+/a", true),
            ("é/b", "+/b", true),
        ] {
            assert_eq!(matches(topic, filter), expected, "{topic} {filter}");
        }
    }

    #[test]
    fn a_wildcard_fills_its_level() {
        for good in ["#", "+", "a/+/b", "a/#", "/", "+/+", "$share"] {
            assert!(valid(good), "{good}");
        }
        for bad in ["", "a#", "#/a", "a/b+", "a/#/b", "++"] {
            assert!(!valid(bad), "{bad}");
        }
    }
}
