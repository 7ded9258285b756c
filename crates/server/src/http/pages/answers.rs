//! Answers to questions, from the guides: a search for words, honest about finding none. It ranks
//! passages by BM25 and shows what they say; it makes nothing up.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use super::docs::Guide;
use super::markdown::anchor;
use super::words::words;

/// How soon a word that is said again stops counting.
const SATURATION: f64 = 1.2;
/// How much a long passage is held against it.
const LENGTH_WEIGHT: f64 = 0.75;
/// How many times a word in a heading counts.
const HEADING_WEIGHT: usize = 2;
/// The first words of a passage, which say what it is about, and how many times each counts.
const LEAD_WORDS: usize = 8;
const LEAD_WEIGHT: usize = 2;
/// How much more a passage of the page that was asked counts.
const OWN_PAGE_BONUS: f64 = 1.5;
/// The share of a question's words, by weight, that a passage has to have to be an answer.
const ANSWERED_SHARE: f64 = 0.5;
/// Further passages that are shown in short.
const EXCERPTS_MAX: usize = 3;
/// Characters of an excerpt.
const EXCERPT_CHARS_MAX: usize = 200;

/// Guides that tell how Lifeboat was made and measured, and how much their passages count: who asks
/// wants to do something.
const BACKGROUND: (&[&str], f64) =
    (&["benchmark", "decisions/", "faults", "scale", "simulation"], 0.4);

/// A passage: the text below one heading.
struct Passage<'a> {
    guide: &'a Guide,
    heading: String,
    text: String,
    /// How often each word is in it.
    words: HashMap<String, usize>,
    length: usize,
}

/// Answers a question with passages of the guides, those of the page `own` first among equals.
pub(super) fn answer(question: &str, own: &str, guides: &[Guide]) -> String {
    let passages: Vec<_> = guides.iter().flat_map(passages).collect();
    let wanted: BTreeSet<String> = words(question).into_iter().collect();
    let ranked = rank(&wanted, own, &passages);
    let found = ranked.iter().filter(|hit| hit.share >= ANSWERED_SHARE);
    let found: Vec<&Passage<'_>> = found.map(|hit| hit.passage).collect();
    let Some((best, more)) = found.split_first() else {
        return none_answers(question, &ranked);
    };
    let mut text = format!("{}\n\n[{}]({})\n", best.text.trim(), best.name(), best.link());
    if !more.is_empty() {
        text.push_str("\nSee also:\n\n");
        excerpts(&mut text, more.iter().copied());
    }
    text
}

/// Says that no passage answers, and which ones come nearest.
fn none_answers(question: &str, ranked: &[Hit<'_, '_>]) -> String {
    let question = question.replace(['\n', '\r'], " ");
    let mut text = format!("No passage of the guides answers “{question}”.\n");
    if ranked.is_empty() {
        text.push_str("\nAll guides are listed at [/docs/](/docs/).\n");
    } else {
        text.push_str("\nThese share some of its words:\n\n");
        excerpts(&mut text, ranked.iter().map(|hit| hit.passage));
    }
    text
}

fn excerpts<'a, 'g: 'a>(text: &mut String, passages: impl Iterator<Item = &'a Passage<'g>>) {
    for passage in passages.take(EXCERPTS_MAX) {
        let excerpt = passage.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = excerpt.chars().take(EXCERPT_CHARS_MAX).collect();
        let dots = if short.len() < excerpt.len() { "…" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- [{}]({}): {short}{dots}", passage.name(), passage.link());
    }
}

impl Passage<'_> {
    fn name(&self) -> String {
        let title = self.guide.title();
        if self.heading == title { title.to_owned() } else { format!("{title}: {}", self.heading) }
    }

    fn link(&self) -> String {
        format!("/docs/{}#{}", self.guide.name, anchor(&self.heading))
    }
}

/// The passages of a guide: what stands below each of its headings.
fn passages(guide: &Guide) -> Vec<Passage<'_>> {
    let mut found = vec![(guide.title().to_owned(), String::new())];
    let mut in_code = false;
    for line in guide.text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        let is_heading = !in_code && heading.len() < line.len() && heading.starts_with(' ');
        match found.last_mut() {
            Some((_, text)) if !is_heading => {
                text.push_str(line);
                text.push('\n');
            }
            _ => found.push((heading.trim().to_owned(), String::new())),
        }
    }
    let with_text = found.into_iter().filter(|(_, text)| !text.trim().is_empty());
    with_text.map(|(heading, text)| passage(guide, heading, text)).collect()
}

fn passage(guide: &Guide, heading: String, text: String) -> Passage<'_> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for word in words(&heading) {
        *counts.entry(word).or_default() += HEADING_WEIGHT;
    }
    for (place, word) in words(&text).into_iter().enumerate() {
        *counts.entry(word).or_default() += if place < LEAD_WORDS { LEAD_WEIGHT } else { 1 };
    }
    let length = counts.values().sum();
    Passage { guide, heading, text, words: counts, length }
}

/// A passage with how well it fits.
struct Hit<'a, 'g> {
    passage: &'a Passage<'g>,
    score: f64,
    /// The share of the question's words that it has, rare ones counting more.
    share: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn rank<'a, 'g>(
    wanted: &BTreeSet<String>,
    own: &str,
    passages: &'a [Passage<'g>],
) -> Vec<Hit<'a, 'g>> {
    let total = passages.len() as f64;
    let mean_length = passages.iter().map(|one| one.length).sum::<usize>() as f64 / total.max(1.0);
    let weights: Vec<(&String, f64)> = wanted
        .iter()
        .map(|word| {
            let with = passages.iter().filter(|one| one.words.contains_key(word)).count() as f64;
            (word, (1.0 + (total - with + 0.5) / (with + 0.5)).ln())
        })
        .collect();
    let all_weights: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut hits: Vec<Hit<'_, '_>> = passages
        .iter()
        .filter_map(|passage| {
            let (mut score, mut has) = (0.0, 0.0);
            for (word, weight) in &weights {
                let Some(&count) = passage.words.get(*word) else { continue };
                let count = count as f64;
                let length = passage.length as f64 / mean_length;
                let damping = SATURATION * (1.0 - LENGTH_WEIGHT + LENGTH_WEIGHT * length);
                score += weight * count * (SATURATION + 1.0) / (count + damping);
                has += weight;
            }
            if passage.guide.name == own {
                score *= OWN_PAGE_BONUS;
            } else if BACKGROUND.0.iter().any(|name| passage.guide.name.starts_with(name)) {
                score *= BACKGROUND.1;
            }
            let share = has / all_weights;
            // One that has all the words goes before one that has some of them often.
            (score > 0.0).then_some(Hit { passage, score: score * share, share })
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guides() -> Vec<Guide> {
        let text = "# Failover\n\nHow to move people.\n\n## Failing back\n\nCall the failback to \
                    bring everyone home.\n\n## Pacing\n\nRejoins are spread over a window.\n";
        let other = "# Keys\n\nRevoke a key with `lifeboat key revoke`.\n";
        vec![
            Guide { name: "failover".into(), text: text.into() },
            Guide { name: "keys".into(), text: other.into() },
        ]
    }

    #[test]
    fn the_passage_that_answers_comes_first_with_its_link() {
        let text = answer("How do I bring people home?", "failover", &guides());
        assert!(text.starts_with("Call the failback to bring everyone home."), "{text}");
        assert!(text.contains("(/docs/failover#failing-back)"));
        let text = answer("how are keys revoked", "failover", &guides());
        assert!(text.starts_with("Revoke a key"), "{text}");
    }

    /// Where the answer to a question that is put to a guide comes from.
    fn source(question: &str) -> String {
        let text = answer(question, "failover", &super::super::docs::all());
        let link = text.split("](/docs/").nth(1).and_then(|rest| rest.split(')').next());
        let link = link.unwrap_or_default().to_owned();
        if text.starts_with("No passage") { String::new() } else { link }
    }

    #[test]
    fn what_the_failover_guide_tells_is_found_in_the_guides() {
        for (question, at) in [
            ("How do I trigger a failover?", "failover#the-button"),
            ("Which settings must match between main and failover world?", "what-has-to-match"),
            ("How large must the failover world be?", "failover#what-has-to-match"),
            ("Can the failover world be non-public?", "failover#what-has-to-match"),
            ("Which two values do I need from the failover world?", "the-same-by-hand"),
            ("Should I save the override values before I need to fail over?", "the-same-by-hand"),
            ("What does incrementing AllClients do?", "failover#the-same-by-hand"),
            ("What happens to connected players when AllClients is incremented?", "-by-hand"),
            ("When do I need a LaunchContextId?", "failover#base-version-37-and-older"),
            ("What do I do if my uproject uses V37?", "failover#base-version-37-and-older"),
            ("How do I set up a failover world?", "failover#before-the-event-a-standby"),
            ("How do I bring everyone back to the main world?", "failover#home-again"),
            ("How do I fail over?", "failover#the-button"),
            ("How can I fail over the main world?", "failover#the-button"),
            ("Where do I find the Deployment ID?", "failover#the-same-by-hand"),
            ("Where do I find the World ID?", "failover#the-same-by-hand"),
            ("What happens to people who join the main world during failover?", "the-button"),
            ("What happens while people move?", "failover#while-people-move"),
            ("How do I ban a user?", "cli#people-keys-and-tokens"),
            ("what are the exit codes", "cli#answers-and-exit-codes"),
        ] {
            let found = source(question);
            assert!(found.contains(at), "{question} {found}");
        }
        for question in ["What is the capital of France?", "How do I bake bread at home?"] {
            assert_eq!(source(question), "", "{question}");
        }
    }

    #[test]
    fn where_none_answers_it_says_so() {
        let text = answer("What is the capital of France?", "failover", &guides());
        assert!(text.starts_with("No passage of the guides answers"), "{text}");
    }
}
