//! Simulated meters by the thousand, as `obiscope simulate` serves them, in processes of one thread each.

use super::A_SIMULATOR;
use super::children::{Child, end_with_parent, number};
use obiscope::simulator::profile::Profile;
use obiscope::simulator::server;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio_util::sync::CancellationToken;

/// Each with an address of its own, so that the ports of one suffice.
pub fn start(meters: usize) -> Vec<Child> {
    let count = meters.div_ceil(A_SIMULATOR);
    let each = (0..count).map(|n| {
        let many = A_SIMULATOR.min(meters - n * A_SIMULATOR);
        Child::spawn("simulator", &[("METERS", many as u64), ("PLACE", n as u64)])
    });
    each.collect()
}

pub fn serve() {
    end_with_parent();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let place = number("PLACE");
        let host = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2 + place as u8));
        let clock = jiff::Timestamp::now();
        let running: Vec<_> = (0..number("METERS"))
            .map(|n| {
                let profile = Profile::microstar(place * A_SIMULATOR as u64 + n);
                server::serve(profile, SocketAddr::new(host, 0), clock, None, &stop).unwrap()
            })
            .collect();
        let places: Vec<String> = running.iter().map(|it| it.address.to_string()).collect();
        println!("{}", places.join(" "));
        stop.cancelled().await;
    });
}
