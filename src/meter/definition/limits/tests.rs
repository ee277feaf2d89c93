//! Limits as people write them.

use super::*;

#[test]
fn what_is_written_is_read_back() {
    for text in [
        "none",
        "high:253",
        "low:-5.50",
        "high:253,low:207,hysteresis:2,delay:10s,rate:50/1m",
        "high:5,low:5",
        "high:2,low:1,hysteresis:1",
        "rate:0.25/1h30m",
        "high:0,delay:1h30m",
    ] {
        let limits: Limits = text.parse().unwrap();
        assert_eq!(limits.to_string(), text);
        assert_eq!(limits.is_none(), text == "none");
        assert_eq!(limits.problem(), None);
    }
    let turned: Limits = " delay: 0s , low:+207 , high:253.0 ".parse().unwrap();
    assert_eq!(turned.to_string(), "high:253.0,low:207");
}

#[test]
fn what_cannot_hold_is_refused_in_words() {
    for (text, words) in [
        ("high:207,low:253", "low 253 is over high 207"),
        ("high:1.0,low:1.01", "low 1.01 is over high 1.0"),
        (
            "high:10,low:8,hysteresis:2.1",
            "wider than from low 8 to high 10",
        ),
        ("high:10,hysteresis:-1", "hysteresis of -1 is negative"),
        ("rate:-5/1m", "not over zero"),
        ("rate:0/1m", "not over zero"),
        ("rate:5/0s", "not per 1s to 1day"),
        ("rate:5", "rate: \"\" is not a time"),
        ("rate:/1m", "is not how far a value may move"),
        ("high:1,delay:2days", "longer than a day"),
        ("delay:10s", "belong to high, low or rate"),
        ("high:1,high:2", "high is said twice"),
        (
            "hihg:253",
            "\"hihg:253\" is no limit; there are high, low, rate",
        ),
        ("", "is no limit"),
        ("high", "high: \"\" is not a number"),
        ("high:1e3", "is not a number"),
        ("high:1.", "is not a number"),
        ("high:1234567890123456", "at most 15 digits"),
        ("high:1,none", "\"none\" is no limit"),
        ("high:1,delay:-5s", "is not a time"),
    ] {
        let error = text.parse::<Limits>().unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}
