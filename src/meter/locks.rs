//! What is known of the locks of each make of meter, by the three letters of its maker or by the preset. The rule: only
//! what a manual or the meter itself says; of every other make it is said that nothing is known.

use super::attempts::Told;
use super::clock::local_day;
use super::definition::Definition;

struct Family {
    /// FLAG ids, as logical device names and system titles begin.
    makers: &'static [&'static str],
    words: &'static str,
}

/// Makers' manuals.
const FAMILIES: [Family; 2] = [
    Family {
        makers: &["LGZ", "LGB"],
        words: "Landis+Gyr: an E350 locks its optical port after a wrong password, for 60 s as delivered (0 to 255 s can \
                be set), and then refuses the right one too: wait that long before the next try",
    },
    Family {
        makers: &["ITR", "ACE"],
        words: "Itron: each client has a password of its own (SL7000: 1 laboratory, 2 field, 3 reader, 7 customer), so a \
                refusal often means the password of another client; after how many it locks is not known here",
    },
];

const MICROSTAR: &str = "Microstar meters lock after some wrong passwords; how many, and for how long, is not published";

const UNKNOWN: &str = "of this make's lock nothing is known here; many meters lock after a few wrong secrets, some for \
                       good, and then refuse the right one too";

/// What to know before the secret goes out once more, one sentence each.
pub(super) fn words(meter: &Definition, told: Option<&Told>) -> Vec<String> {
    let maker = told.and_then(|told| told.maker.as_deref());
    let family = FAMILIES
        .iter()
        .find(|family| maker.is_some_and(|maker| family.makers.contains(&maker)));
    let known = match family {
        Some(family) => family.words.to_owned(),
        None if meter.is_like_microstar() && maker.is_none() => MICROSTAR.to_owned(),
        None => maker.map_or_else(
            || UNKNOWN.to_owned(),
            |maker| format!("maker {maker}: {UNKNOWN}"),
        ),
    };
    let mut words = vec![known];
    if let Some(told) = told
        && !told.facts.is_empty()
    {
        let (day, facts) = (local_day(told.at), told.facts.join(", "));
        words.push(format!("on {day} the meter itself said: {facts}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_maker_by_preset_and_by_the_meter_itself() {
        let told = |maker: Option<&str>, facts: &[&str]| Told {
            at: jiff::Timestamp::from_second(1_800_000_000).unwrap(),
            maker: maker.map(str::to_owned),
            facts: facts.iter().map(|it| (*it).to_owned()).collect(),
        };
        let (field, plain) = (
            Definition::microstar("m", "h", 1),
            Definition::new("m", "h", 1),
        );
        assert!(words(&field, None)[0].contains("not published"));
        assert!(words(&plain, None)[0].contains("nothing is known"));
        // The meter's own name outweighs what it is asked like.
        let lgz = told(Some("LGZ"), &["failed tries so far: 2"]);
        let said = words(&field, Some(&lgz));
        assert!(said[0].contains("60 s"), "{said:?}");
        assert!(said[1].contains("failed tries so far: 2"), "{said:?}");
        assert!(words(&plain, Some(&told(Some("KAM"), &[])))[0].starts_with("maker KAM"));
    }
}
