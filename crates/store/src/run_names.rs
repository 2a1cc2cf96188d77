//! Names for runs that come without one, such as `quiet-heron-417`.

use uuid::Uuid;

const ADJECTIVES: [&str; 64] = [
    "agile", "amber", "ample", "bold", "brave", "bright", "brisk", "calm", "candid", "clever",
    "cosmic", "crisp", "daring", "deft", "eager", "early", "fabled", "fair", "fleet", "fond",
    "frank", "fresh", "gentle", "glad", "golden", "grand", "happy", "hardy", "humble", "jolly",
    "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mighty", "modest",
    "neat", "nimble", "noble", "patient", "placid", "plucky", "polite", "proud", "quick", "quiet",
    "rapid", "ready", "robust", "serene", "silent", "silver", "smooth", "steady", "sturdy",
    "subtle", "sunny", "swift", "tidy", "vivid",
];

const NOUNS: [&str; 64] = [
    "badger", "barge", "beacon", "beaver", "bison", "breeze", "brook", "canoe", "comet", "condor",
    "coral", "crane", "current", "delta", "dolphin", "dune", "eagle", "egret", "falcon", "ferry",
    "finch", "fjord", "gannet", "glacier", "gull", "harbor", "heron", "ibis", "island", "jetty",
    "kayak", "kestrel", "lagoon", "lantern", "lark", "lynx", "marlin", "marten", "mast", "meadow",
    "newt", "otter", "paddle", "pelican", "pier", "pike", "plover", "puffin", "quay", "raven",
    "reef", "river", "rudder", "sail", "seal", "shore", "sparrow", "stork", "swan", "tern", "tide",
    "trout", "wharf", "willow",
];

/// A name that is easy to say and unlikely to be taken, though it may be.
pub(crate) fn random() -> String {
    let [adjective, noun, high, low, ..] = *Uuid::new_v4().as_bytes();
    let number = u16::from_be_bytes([high, low]) % 1000;
    format!("{}-{}-{number}", pick(&ADJECTIVES, adjective), pick(&NOUNS, noun))
}

fn pick(words: &[&'static str; 64], random: u8) -> &'static str {
    words[usize::from(random) % words.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_have_two_words_and_a_number() {
        let name = random();
        let parts: Vec<&str> = name.split('-').collect();
        assert_eq!(parts.len(), 3, "{name}");
        assert!(parts[2].parse::<u16>().unwrap() < 1000);
    }

    #[test]
    fn names_differ() {
        let names: HashSet<String> = (0..100).map(|_| random()).collect();
        assert!(names.len() > 95);
    }

    #[test]
    fn no_word_stands_twice() {
        assert_eq!(ADJECTIVES.iter().collect::<HashSet<_>>().len(), 64);
        assert_eq!(NOUNS.iter().collect::<HashSet<_>>().len(), 64);
    }
}
