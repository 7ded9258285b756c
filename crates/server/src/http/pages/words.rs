//! The words of guides and of questions, brought to a common form: a question is seldom put in the
//! words of the passage that answers it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Words that say nothing about what a question is after.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "been", "between", "by", "can",
    "could", "do", "does", "done", "during", "exactly", "find", "for", "from", "get", "give",
    "happen", "happens", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "know",
    "look", "make", "me", "mean", "means", "must", "my", "need", "needed", "of", "on", "one", "or",
    "our", "please", "retrieve", "should", "so", "that", "the", "their", "them", "then", "there",
    "they", "this", "to", "use", "used", "uses", "using", "via", "want", "was", "we", "what",
    "when", "where", "which", "while", "who", "why", "will", "with", "would", "you", "your",
];

/// What is written in two words and meant as one.
const PHRASES: &[(&str, &str)] = &[
    ("fail over", "failover"),
    ("failing over", "failover"),
    ("fails over", "failover"),
    ("failed over", "failover"),
    ("fail back", "failback"),
    ("failing back", "failback"),
    ("fails back", "failback"),
    ("failed back", "failback"),
    ("failover world", "standby"),
    ("failover deployment", "standby deployment"),
    ("backup world", "standby"),
    ("backup server", "standby"),
    ("launch mode", "launchmode"),
    ("set up", "create"),
    ("setting up", "create"),
];

/// Words that stand for the same here, the one that stands for them first.
const ALIKE: &[&[&str]] = &[
    &["people", "player", "user", "client", "everyone", "everybody", "anyone"],
    &["run", "trigger", "start", "initiate", "begin", "perform", "execute"],
    &["standby", "backup"],
    &["match", "same", "identical", "equal"],
    &["setting", "configuration", "config", "configure"],
    &["back", "home", "return"],
    &["increment", "raise", "increase", "bump"],
    &["rejoin", "reconnect"],
    &["revoke", "delete", "remove", "lift"],
    &["create", "add"],
    &["drill", "rehearse", "practise", "practice"],
    &["old", "older"],
];

/// The common form of each word in [`ALIKE`].
static COMMON: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let forms = ALIKE.iter().filter_map(|alike| Some((stem(alike.first()?), alike)));
    forms
        .flat_map(|(common, alike)| alike.iter().map(move |word| (stem(word), common.clone())))
        .collect()
});

/// The words of a text that say something.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut text = apart(text).to_lowercase();
    for (phrase, word) in PHRASES {
        if text.contains(phrase) {
            text = text.replace(phrase, word);
        }
    }
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !STOP_WORDS.contains(word))
        .map(common)
        .collect()
}

/// Names such as `OverrideWorldId` in their words, with single spaces between words, and `V37` as
/// the number that it is.
fn apart(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mut parted = String::with_capacity(word.len() + 4);
        let mut before = ' ';
        for now in word.chars() {
            let is_version = matches!(before, 'V' | 'v') && now.is_ascii_digit();
            if is_version && parted.chars().rev().nth(1).is_none_or(|c| !c.is_alphanumeric()) {
                parted.pop();
            } else if before.is_lowercase() && now.is_uppercase() {
                parted.push(' ');
            }
            parted.push(now);
            before = now;
        }
        words.push(parted);
    }
    words.join(" ")
}

/// A word as all are compared that stand for the same.
fn common(word: &str) -> String {
    let stem = stem(word);
    COMMON.get(&stem).cloned().unwrap_or(stem)
}

/// A word without the endings that English puts on it.
fn stem(word: &str) -> String {
    let ending = |end: &str, rest_min: usize| {
        word.strip_suffix(end).filter(|rest| rest.chars().count() >= rest_min)
    };
    let stem = ending("ing", 4)
        .or_else(|| ending("ies", 3))
        .or_else(|| ending("ed", 3))
        .or_else(|| ending("es", 4))
        .or_else(|| ending("s", 3))
        .unwrap_or(word);
    stem.trim_end_matches(['e', 'y']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_their_words() {
        assert_eq!(words("OverrideWorldId"), words("override world id"));
        assert_eq!(words("the `LaunchContextID`"), words("launch context ID"));
        assert_eq!(words("V37 or older"), words("37 and old"));
        assert_eq!(words("CapacityV2"), ["capacit", "2"]);
    }

    #[test]
    fn words_that_stand_for_the_same_are_the_same() {
        assert_eq!(words("How do I trigger a failover?"), words("run the\nfail over"));
        assert_eq!(words("matching backup worlds"), words("the same standbys"));
        assert_eq!(words("bring all users home"), words("bring all players back"));
        assert!(words("what is it for?").is_empty());
    }
}
