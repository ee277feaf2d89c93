//! How many files and connections this process may have open: raised as far as the system lets us, and said in words where that
//! is too few for the meters that are saved. The rule: nobody has to know of `ulimit` before something is wrong.

use crate::headend::{Headend, Level};
use crate::store::Store;

/// Beside the meters: the database, logs, brokers, the screen.
const BESIDE: u64 = 128;

/// Raises the limit to what the system allows, and says what it is then; `None` where there is no limit, or no telling.
#[cfg(unix)]
pub fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum {
        let raised = Rlimit {
            current: before.maximum,
            maximum: before.maximum,
        };
        // Some systems name a maximum they do not give: then it stays as it was.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
pub fn raise() -> Option<u64> {
    None
}

/// Says on the screen, in the log and to who watches the bridge that not all saved meters can be connected at once.
pub async fn tell(headend: &Headend, store: &Store) {
    // Whoever cannot list them says so elsewhere.
    let Ok(meters) = store.meters().await else {
        return;
    };
    let enabled = meters.iter().filter(|meter| meter.enabled).count();
    if let Some(words) = too_few(raise(), enabled) {
        headend.say(Level::Warning, words);
    }
}

/// What to say where so many meters do not fit.
pub fn too_few(limit: Option<u64>, meters: usize) -> Option<String> {
    let meters = meters as u64;
    let limit = limit?;
    // The rest is for the holds on their endpoints, see `meter::transport`.
    let connections = (limit / 5 * 3).saturating_sub(BESIDE);
    let missing = meters.checked_sub(connections).filter(|it| *it > 0)?;
    let needed = meters.saturating_add(BESIDE).div_ceil(3) * 5;
    Some(format!(
        "this process may have {limit} files and connections open, and {meters} meters need {needed}: about {missing} of them \
         will not be connected (\"too many open files\"); raise the limit: LimitNOFILE= in a systemd unit, `ulimit -Hn` \
         before the start, or nofile in /etc/security/limits.conf"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_what_the_system_allows() {
        use rustix::process::{Resource, getrlimit};
        let limit = raise();
        assert_eq!(limit, getrlimit(Resource::Nofile).current);
        assert_eq!(limit, getrlimit(Resource::Nofile).maximum);
    }

    #[test]
    fn too_few_is_said_in_words_with_what_to_do() {
        assert_eq!(too_few(Some(20_000), 10_000), None);
        assert_eq!(too_few(None, 1_000_000), None);
        assert_eq!(too_few(Some(1_024), 484), None);
        assert!(too_few(Some(1_024), 485).unwrap().contains("about 1 of"));
        assert_eq!(too_few(Some(1_024), 0), None);
        let words = too_few(Some(1_024), 10_000).unwrap();
        for part in ["1024", "10000 meters", "16880", "9516", "LimitNOFILE"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
