//! Names, keys and classes of codes people meet, and what must hold for every code.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{Obis, lines, table, usual_class, vendor_name};

fn obis(text: &str) -> Obis {
    text.parse().unwrap()
}

/// The rows of a table whose columns are parted by bars.
fn rows<const N: usize>(table: &str) -> Vec<[&str; N]> {
    let rows = table.lines().map(str::trim).filter(|row| !row.is_empty());
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
    .collect()
}

#[test]
fn names_keys_and_labels_of_measurements() {
    for [code, name, label, key] in rows(
        "
        1-1:32.7.0   | Voltage L1                            | Voltage L1                            | voltage_l1
        1-1:52.7.0   | Voltage L2                            | Voltage L2                            | voltage_l2
        1-0:72.7.0   | Voltage L3                            | Voltage L3                            | voltage_l3
        1-1:31.7.0   | Current L1                            | Current L1                            | current_l1
        1-1:51.7.0   | Current L2                            | Current L2                            | current_l2
        1-1:71.7.0   | Current L3                            | Current L3                            | current_l3
        1-1:14.7.0   | Frequency                             | Frequency                             | frequency
        1-1:1.7.0    | Active power import                   | Active power                          | active_power
        1-1:2.7.0    | Active power export                   | Active power export                   | active_power_export
        1-1:1.8.0    | Active energy import                  | Active energy                         | active_energy
        1-0:1.8.0    | Active energy import                  | Active energy                         | active_energy
        1-1:1.8.2    | Active energy import, tariff 2        | Active energy, tariff 2               | active_energy_t2
        1-1:2.8.0    | Active energy export                  | Active energy export                  | active_energy_export
        1-1:3.8.0    | Reactive energy import                | Reactive energy                       | reactive_energy
        1-1:3.7.0    | Reactive power import                 | Reactive power                        | reactive_power
        1-1:9.7.0    | Apparent power import                 | Apparent power                        | apparent_power
        1-1:13.7.0   | Power factor                          | Power factor                          | power_factor
        1-1:33.7.0   | Power factor L1                       | Power factor L1                       | power_factor_l1
        1-1:84.7.0   | Power factor export                   | Power factor export                   | power_factor_export
        1-1:87.7.0   | Power factor export L3                | Power factor export L3                | power_factor_export_l3
        1-1:21.7.0   | Active power import L1                | Active power L1                       | active_power_l1
        1-1:62.7.0   | Active power export L3                | Active power export L3                | active_power_export_l3
        1-1:5.8.0    | Reactive energy quadrant I            | Reactive energy quadrant I            | reactive_energy_q1
        1-1:15.7.0   | Active power import plus export       | Active power import plus export       | active_power_sum
        1-0:16.7.0   | Active power import minus export      | Active power import minus export      | active_power_net
        1-0:12.7.0   | Voltage                               | Voltage                               | voltage
        1-0:91.7.0   | Current neutral                       | Current neutral                       | current_neutral
        1-0:124.7.0  | Voltage L1-L2                         | Voltage L1-L2                         | voltage_l1_l2
        1-0:88.8.0   | Ampere-squared hours                  | Ampere-squared hours                  | ampere_squared_hours
        1-0:31.7.3   | Current L1, harmonic 3                | Current L1, harmonic 3                | current_l1_h3
        1-0:32.7.124 | Voltage L1, total harmonic distortion | Voltage L1, total harmonic distortion | voltage_l1_thd
        1-1:81.7.1   | Phase angle from U L2 to U L1         | Phase angle from U L2 to U L1         | phase_angle_u2_u1
        1-1:81.7.4   | Phase angle from I L1 to U L1         | Phase angle from I L1 to U L1         | phase_angle_i1_u1
        1-1:81.7.40  | Phase angle from U L1 to I L1         | Phase angle from U L1 to I L1         | phase_angle_u1_i1
        ",
    ) {
        let code = obis(code);
        assert_eq!(code.describe(), name);
        assert_eq!(code.label(), label);
        assert_eq!(code.key(), key);
    }
}

#[test]
fn names_and_keys_of_demands_billing_and_channels() {
    for [code, name, key] in rows(
        "
        1-1:1.6.1     | Maximum demand, active power import, tariff 1             | active_power_max_t1
        1-1:1.2.0     | Cumulative maximum demand, active power import            | active_power_cumulative_max
        1-1:1.4.0     | Running average demand, active power import               | active_power_running_average
        1-1:1.16.0    | Maximum demand, active power import, scheme 2             | active_power_max_scheme_2
        1-1:1.9.1     | Active energy import, this billing period, tariff 1       | active_energy_this_billing_period_t1
        1-0:32.6.0    | Maximum voltage L1                                        | voltage_l1_max
        1-0:32.3.0    | Minimum voltage L1                                        | voltage_l1_min
        1-1:13.0.1    | Billing-period average, power factor, tariff 1            | power_factor_billing_average_t1
        1-0:32.8.0    | Voltage L1, time integral                                 | voltage_l1_integral
        1-0:1.29.0    | Active energy import, recording interval 1                | active_energy_interval_1
        1-0:1.53.0    | Maximum demand, active power import, recording interval 1 | active_power_max_interval_1
        1-0:32.32.0   | Under-limit occurrences, voltage L1                       | obis_1_0_32_32_0_255
        1-0:32.31.0*1 | Under-limit threshold, voltage L1, threshold 1            | obis_1_0_32_31_0_1
        1-1:1.8.0*3   | Active energy import, billing period 3                    | active_energy_billing_3
        1-1:1.8.2*3   | Active energy import, tariff 2, billing period 3          | active_energy_t2_billing_3
        1-1:1.8.0*101 | Active energy import, last billing period                 | obis_1_1_1_8_0_101
        1-1:1.8.0*103 | Active energy import, last 3 billing periods              | obis_1_1_1_8_0_103
        1-2:32.7.0    | Voltage L1, channel 2                                     | voltage_l1_ch2
        1-3:1.8.1     | Active energy import, tariff 1, channel 3                 | active_energy_t1_ch3
        1-1:1.8.64    | Active energy import, E=64                                | obis_1_1_1_8_64_255
        ",
    ) {
        assert_eq!(obis(code).describe(), name);
        assert_eq!(obis(code).key(), key);
    }
}

#[test]
fn names_keys_and_classes_of_other_objects() {
    for [code, class, name, key] in rows(
        "
        0-0:1.0.0      | 8  | Clock                                       | clock
        0-0:40.0.0     | 15 | Current association                         | obis_0_0_40_0_0_255
        0-0:40.0.3     | 15 | Association 3                               | obis_0_0_40_0_3_255
        0-0:41.0.0     | 17 | SAP assignment                              | obis_0_0_41_0_0_255
        0-0:42.0.0     | 1  | Logical device name                         | logical_device_name
        0-0:43.0.0     | 64 | Security setup 0                            | obis_0_0_43_0_0_255
        0-0:43.1.1     | 1  | Invocation counter 1                        | invocation_counter_1
        0-0:44.0.0     | 18 | Image transfer 0                            | obis_0_0_44_0_0_255
        0-0:22.0.0     | 23 | HDLC setup                                  | obis_0_0_22_0_0_255
        0-0:25.0.0     | 41 | TCP-UDP setup                               | obis_0_0_25_0_0_255
        0-0:25.9.0     | 40 | Push setup                                  | obis_0_0_25_9_0_255
        0-0:20.0.0     | 19 | Optical port setup (IEC 62056-21)           | obis_0_0_20_0_0_255
        0-0:96.1.0     | 1  | Serial number (device ID 1)                 | serial_number
        0-0:96.1.9     | 1  | Device ID 10                                | device_id_10
        0-1:96.1.0     | 1  | Serial number (device ID 1), channel 1      | serial_number_ch1
        0-0:96.3.10    | 70 | Disconnect control                          | obis_0_0_96_3_10_255
        0-0:96.7.2     | 1  | Number of power failures, L2                | power_failures_l2
        0-0:96.9.0     | 3  | Ambient temperature                         | temperature
        0-0:96.14.0    | 1  | Active tariff                               | active_tariff
        0-0:96.20.5    | 1  | Terminal cover open count                   | terminal_cover_open_count
        0-0:97.97.0    | 1  | Error register                              | error_code
        0-0:97.98.0    | 1  | Alarm register 1                            | alarm_register_1
        0-0:99.98.0    | 7  | Event log                                   | obis_0_0_99_98_0_255
        1-0:99.1.0     | 7  | Load profile 1                              | obis_1_0_99_1_0_255
        1-0:98.1.0*126 | 7  | Billing profile, recent billing periods     | obis_1_0_98_1_0_126
        1-0:99.97.0    | 7  | Power failure log 1                         | obis_1_0_99_97_0_255
        0-2:24.2.1     | 4  | M-Bus value 1, channel 2                    | obis_0_2_24_2_1_255
        1-0:0.0.0      | 1  | Electricity ID                              | electricity_id
        1-0:0.2.0      | 1  | Active firmware identifier                  | firmware
        1-0:0.3.3      | 3  | Meter constant, active energy, pulse output | obis_1_0_0_3_3_255
        ",
    ) {
        assert_eq!(usual_class(obis(code)), class.parse().ok(), "{code}");
        assert_eq!(obis(code).describe(), name);
        assert_eq!(obis(code).key(), key);
    }
}

#[test]
fn classes_of_measurements() {
    for (code, class) in [
        ("1-1:32.7.0", Some(3)),
        ("1-1:81.7.4", Some(3)),
        ("1-1:1.8.0", Some(3)),
        ("1-1:1.8.4*2", Some(3)),
        ("1-1:1.2.0", Some(3)),
        ("1-0:1.6.0", Some(4)),
        ("1-0:1.4.0", Some(5)),
        ("1-1:1.16.0", None),
        ("1-0:1.5.0", None),
        ("1-0:0.4.2", None),
        ("0-0:240.23.0", None),
        ("7-0:3.0.0", None),
    ] {
        assert_eq!(usual_class(obis(code)), class, "{code}");
    }
}

#[test]
fn vendors_name_their_own_but_do_not_displace_the_standard() {
    for (code, name) in [
        ("0-0:10.138.103", "LED alarm control (Microstar)"),
        ("0-0:240.23.0", "Timing task start (Microstar)"),
        ("0-0:240.26.4", "Trigger events of event log 4 (Microstar)"),
        ("0-0:96.51.4", "Meter cover open time (Microstar)"),
        (
            "0-0:96.51.4*7",
            "Meter cover open time, history 7 (Microstar)",
        ),
        ("0-0:96.3.0", "Input and output state"),
    ] {
        assert_eq!(obis(code).describe(), name);
    }
    let (vendor, name) = vendor_name(obis("0-0:96.3.0")).unwrap();
    assert_eq!((vendor, &*name), ("Microstar", "Dual-source channel mode"));
    assert_eq!(vendor_name(obis("1-1:32.7.0")), None);
}

#[test]
fn what_is_not_known_gets_a_neutral_phrase() {
    for (code, name) in [
        ("0-0:240.99.0", "Manufacturer-specific object 0-0:240.99.0"),
        ("0-0:96.60.0", "Manufacturer-specific object 0-0:96.60.0"),
        ("1-0:94.34.1", "Country-specific object 1-0:94.34.1"),
        ("0-0:99.77.0", "Abstract object 0-0:99.77.0"),
        ("1-1:110.7.0", "Electricity object 1-1:110.7.0"),
        ("1-1:32.100.0", "Electricity object 1-1:32.100.0"),
        ("7-0:3.0.0", "Gas object 7-0:3.0.0"),
        ("99-0:1.0.0*1", "Unknown object 99-0:1.0.0*1"),
    ] {
        assert_eq!(obis(code).describe(), name);
    }
    assert_eq!(obis("7-0:3.0.0").key(), "obis_7_0_3_0_0_255");
    assert_eq!(obis("1-1:110.7.0").key(), "obis_1_1_110_7_0_255");
}

#[test]
fn every_line_of_the_tables_parses() {
    for text in [
        include_str!("../../../assets/obis/standard.txt"),
        include_str!("../../../assets/obis/microstar.txt"),
    ] {
        assert!(lines(text).count() > 5);
        for line in lines(text) {
            let entry = super::entry(line).unwrap_or_else(|| panic!("{line}"));
            assert!(
                !entry.name.is_empty() && !entry.name.contains("  "),
                "{line}"
            );
            let known = |id| crate::cosem::class::class(id).is_some();
            assert!(entry.class.is_none_or(known), "{line}");
        }
        assert_eq!(lines(text).count(), table(text).len());
    }
}

/// Two values of one meter must never fight over one JSON key.
#[test]
fn keys_are_snake_case_and_never_shared() {
    let mut seen: HashMap<String, Obis> = HashMap::new();
    let snake = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    for a in [0, 1] {
        for c in 0..=255 {
            for d in (0..=58).chain([97, 98, 128, 255]) {
                for e in [0, 1, 9, 63, 64, 124] {
                    for f in [255, 3] {
                        let code = Obis::new(a, 0, c, d, e, f);
                        let key = code.key();
                        assert!(key.bytes().all(snake), "{key}");
                        if let Some(other) = seen.insert(key, code) {
                            panic!("{}: {code} and {other}", code.key());
                        }
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::cosem::repeatable())]

    #[test]
    fn every_code_has_a_name_that_is_filled_in(code: [u8; 6]) {
        for name in [Obis(code).describe(), Obis(code).label()] {
            prop_assert!(!name.is_empty() && !name.contains(['?', '{']), "{}", name);
        }
    }
}
