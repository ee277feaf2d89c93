//! The appliances of the simulated household, phase by phase. Each runs inside one tariff window (see `consumer`).

use super::consumer::{Appliance, DAY};

const HOUR: u32 = 3_600;

/// Runs in every `period` seconds.
const fn cycling(watts: f64, tangent: f64, period: u32, duration: u32) -> Appliance {
    Appliance {
        watts,
        tangent,
        period,
        from: 0,
        to: period,
        duration,
    }
}

/// Runs once a day between the hours `from` and `to`.
const fn daily(watts: f64, tangent: f64, from: u32, to: u32, duration: u32) -> Appliance {
    Appliance {
        watts,
        tangent,
        period: DAY,
        from: from * HOUR,
        to: to * HOUR,
        duration,
    }
}

/// L1 kitchen, L2 laundry and oven, L3 pump, air conditioner and a charger at night.
pub(super) const PHASES: [&[Appliance]; 3] = [
    &[
        cycling(112.0, 0.60, HOUR, 1_300),
        daily(1_420.0, 0.0, 6, 9, 240),
        daily(1_180.0, 0.25, 11, 14, 420),
        daily(1_420.0, 0.0, 18, 21, 200),
        daily(145.0, 0.45, 18, 22, 9_000),
    ],
    &[
        cycling(92.0, 0.65, HOUR, 1_500),
        daily(520.0, 0.50, 8, 16, 3_600),
        daily(1_050.0, 0.0, 14, 18, 1_200),
        daily(1_880.0, 0.05, 18, 22, 2_700),
    ],
    &[
        cycling(620.0, 0.75, 2 * HOUR, 360),
        daily(1_310.0, 0.10, 0, 6, 9_000),
        daily(950.0, 0.55, 11, 18, 10_800),
        daily(150.0, 0.30, 22, 24, 5_400),
    ],
];
