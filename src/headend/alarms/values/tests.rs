//! Readings in a row against limits.

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap() + Duration::from_secs(seconds)
}

fn decimal(text: &str) -> Decimal {
    let fraction = text.split_once('.').map_or(0, |(_, it)| it.len());
    let raw = text.replace('.', "").parse().unwrap();
    Decimal::new(raw, -i8::try_from(fraction).unwrap())
}

/// Second and value of each reading, and what stands after it: `h`, `l`, `r`, or nothing.
type Row = (u64, &'static str, &'static str);

fn run(limits: &str, rows: &[Row]) {
    let limits: Limits = limits.parse().unwrap();
    let mut watched = Watched::new("v");
    let mut stands = [false; 3];
    for (second, value, ought) in rows {
        let verdicts = watched.judge(&limits, at(*second), decimal(value), stands);
        for (stands, verdict) in stands.iter_mut().zip(verdicts.into_iter().flatten()) {
            match verdict {
                Verdict::Beyond => *stands = true,
                Verdict::Well => *stands = false,
                Verdict::Unsettled => {}
            }
        }
        let now: String = ["h", "l", "r"]
            .iter()
            .zip(stands)
            .filter(|(_, stands)| *stands)
            .map(|(word, _)| *word)
            .collect();
        assert_eq!(now, *ought, "{limits}: {second} s, {value}");
    }
}

#[test]
fn high_and_low_are_themselves_well() {
    run(
        "high:253,low:207",
        &[
            (0, "253", ""),
            (5, "253.01", "h"),
            (10, "253.00", ""),
            (15, "207.0", ""),
            (20, "206.999", "l"),
            (25, "300", "h"),
            (30, "-300", "l"),
        ],
    );
}

#[test]
fn well_again_only_so_far_back() {
    run(
        "high:253,low:207,hysteresis:2",
        &[
            (0, "254", "h"),
            (5, "252", "h"),
            (10, "251.01", "h"),
            (15, "251", ""),
            (20, "252.9", ""),
            (25, "206", "l"),
            (30, "208.9", "l"),
            (35, "209", ""),
        ],
    );
}

#[test]
fn it_must_hold_for_the_delay_without_a_break() {
    run(
        "high:253,delay:10s",
        &[
            (0, "254", ""),
            (5, "254", ""),
            (9, "253", ""),
            (10, "254", ""),
            (19, "260", ""),
            (20, "254", "h"),
            (25, "254", "h"),
            (26, "253", ""),
            // One value that is there and gone is none.
            (30, "999", ""),
            (35, "230", ""),
        ],
    );
    run("high:253,delay:0s", &[(0, "254", "h")]);
}

#[test]
fn a_rate_is_how_far_within_its_time() {
    run(
        "rate:50/1m",
        &[
            (0, "100", ""),
            (5, "120", ""),
            (10, "150", ""),
            (15, "150.1", "r"),
            (60, "150.1", "r"),
            // A minute after the hundred.
            (61, "150", ""),
            // Down counts as well.
            (70, "99", "r"),
            (200, "99", ""),
        ],
    );
    // No other reading within the time: it is the pace that counts.
    run(
        "rate:50/1m",
        &[
            (0, "0", ""),
            (600, "500", ""),
            (1_200, "1001", "r"),
            (1_800, "1001", ""),
        ],
    );
}

#[test]
fn a_rate_of_many_readings_keeps_few() {
    let limits: Limits = "rate:1000/1h".parse().unwrap();
    let mut watched = Watched::new("v");
    for second in 0..20_000 {
        let verdict = watched.judge(&limits, at(second), decimal("1"), [false; 3]);
        assert_eq!(verdict, Some([Verdict::Well; 3]));
        assert!(watched.samples.len() <= 122);
    }
}

#[test]
fn a_clock_put_back_and_the_same_reading_again_are_no_proof() {
    let limits: Limits = "high:1,delay:10s,rate:5/1m".parse().unwrap();
    let mut watched = Watched::new("v");
    let mut judge = |second, value| watched.judge(&limits, at(second), decimal(value), [false; 3]);
    assert_eq!(judge(100, "2").unwrap()[0], Verdict::Unsettled);
    assert_eq!(judge(100, "2"), None);
    // An hour back: neither ten seconds nor a rate are known.
    let verdicts = judge(0, "90").unwrap();
    assert_eq!(verdicts, [Verdict::Unsettled, Verdict::Well, Verdict::Well]);
    assert_eq!(judge(10, "90").unwrap()[0], Verdict::Beyond);
}

#[test]
fn numbers_beyond_any_meter_do_no_harm() {
    let limits: Limits = "high:999999999999999,low:0.00000000000001,hysteresis:1,rate:0.1/1s"
        .parse()
        .unwrap();
    let mut watched = Watched::new("v");
    for (n, raw) in [i128::MAX, i128::MIN, 0, 1, -1].into_iter().enumerate() {
        for (m, scaler) in [-128, 127, 0, -1, 1].into_iter().enumerate() {
            let value = Decimal::new(raw, scaler);
            let time = at((n * 10 + m) as u64);
            let verdicts = watched.judge(&limits, time, value, [true; 3]).unwrap();
            let _ = watched.words(2, &limits, time, (value, "V"));
            let high = raw > 1 && scaler >= 0 || raw == i128::MAX && scaler > -20;
            assert_eq!(
                verdicts[0] == Verdict::Beyond,
                high || raw == 1 && scaler == 127
            );
        }
    }
}

#[test]
fn said_with_what_was_seen() {
    let limits: Limits = "high:253,low:207,rate:50/1m".parse().unwrap();
    let mut watched = Watched::new("voltage_l1");
    watched.judge(&limits, at(0), decimal("190.0"), [false; 3]);
    watched.judge(&limits, at(5), decimal("254.1"), [false; 3]);
    let words = |cause| watched.words(cause, &limits, at(5), (decimal("254.1"), "V"));
    assert_eq!(words(0), "voltage_l1 is 254.1 V: over 253");
    assert_eq!(words(1), "voltage_l1 is 254.1 V: under 207");
    assert_eq!(
        words(2),
        "voltage_l1 rose from 190.0 V to 254.1 V within 5s: more than 50 within 1m"
    );
}
