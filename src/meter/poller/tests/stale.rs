//! An association that an earlier program left open when it was killed: it is ended, said in words, and not waited out.

use super::*;

#[tokio::test(start_paused = true)]
async fn our_disc_ends_what_a_killed_program_left_open() {
    let mut definition = Definition::new("m", "meter", 1);
    definition.server = "1/17".parse().unwrap();
    let profile = Profile::generic(3).with_fault("stale-association=16".parse().unwrap());
    let started = Instant::now();
    let mut it = run_with(definition, profile);
    let status = it.until(|s| matches!(s.phase, Phase::Waiting { .. })).await;
    let error = status.last_error.unwrap();
    for words in ["client 16", "killed", "once more", "2m set here"] {
        assert!(error.try_next.contains(words), "{words}: {error:?}");
    }
    assert!(
        status.findings.iter().any(|it| it.id == "A17"),
        "{:?}",
        status.findings
    );
    it.ready().await;
    let took = started.elapsed();
    assert!(took < 10 * SECOND, "not the meter's two minutes: {took:?}");
}
