//! The review queue as one file: detections with their sounds, answers in the browser and as a CSV.

use crate::card::sound_uri;
use crate::error::Result;
use crate::payload::escaped_json;
use askama::Template;
use serde::Serialize;
use std::collections::BTreeMap;

/// A detection to review.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReviewItem {
    /// The recording, as the table names it.
    pub path: String,
    /// Start in the recording, seconds.
    pub start: f64,
    /// End in the recording, seconds.
    pub end: f64,
    /// The channel, counted from 0; none for the mix.
    pub channel: Option<u16>,
    /// What is said of it.
    pub label: String,
    /// With which score.
    pub score: Option<f64>,
    /// The p-value of a detector of unknown sounds.
    pub outlier_p: Option<f64>,
    /// Its sound as a file, OGG or WAV; empty for none.
    pub sound: Vec<u8>,
    /// Where the sound begins in the recording, seconds.
    pub sound_start: f64,
}

/// A page of detections to review.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReviewQueue {
    /// Its heading.
    pub title: String,
    /// What differs from table to table: answers are kept in the browser under it.
    pub key: String,
    /// The model, as answers name it; empty where it is not known.
    pub model: String,
    /// Classes that can be answered.
    pub classes: Vec<String>,
    /// The detections.
    pub items: Vec<ReviewItem>,
    /// Detections of the table.
    pub n_total: usize,
    /// Detections of each label in the table.
    pub counts: BTreeMap<String, usize>,
    /// Rate that sounds are decoded at, in Hz.
    pub rate_hz: u32,
}

#[derive(Serialize)]
struct Payload<'a> {
    key: &'a str,
    model: &'a str,
    classes: &'a [String],
    counts: &'a BTreeMap<String, usize>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: usize,
    path: &'a str,
    start: f64,
    end: f64,
    channel: Option<u16>,
    label: &'a str,
    score: Option<f64>,
    outlier_p: Option<f64>,
    sound: String,
    sound_start: f64,
    rate: u32,
}

impl<'a> Item<'a> {
    fn of(id: usize, item: &'a ReviewItem, rate: u32) -> Self {
        Self {
            id,
            path: &item.path,
            start: item.start,
            end: item.end,
            channel: item.channel,
            label: &item.label,
            score: item.score,
            outlier_p: item.outlier_p,
            sound: sound_uri(&item.sound),
            sound_start: item.sound_start,
            rate,
        }
    }
}

#[derive(Template)]
#[template(path = "review.html")]
struct Page<'a> {
    title: &'a str,
    n_items: usize,
    n_total: usize,
    payload: String,
}

/// Fills in the page: one HTML file that needs no other file and no network.
///
/// # Errors
/// [`Error::Page`](crate::Error::Page) when it cannot be put together.
#[tracing::instrument(level = "debug", skip_all, fields(n_items = queue.items.len()))]
pub fn render_review(queue: &ReviewQueue) -> Result<String> {
    let items = queue.items.iter().enumerate().map(|(id, item)| Item::of(id, item, queue.rate_hz)).collect();
    let payload =
        Payload { key: &queue.key, model: &queue.model, classes: &queue.classes, counts: &queue.counts, items };
    let payload = escaped_json(&payload)?;
    Ok(Page { title: &queue.title, n_items: queue.items.len(), n_total: queue.n_total, payload }.render()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_cannot_leave_the_data() {
        let item =
            ReviewItem { path: "</script><b>.wav".into(), label: "dog".into(), end: 3.0, ..ReviewItem::default() };
        let queue =
            ReviewQueue { title: "Review of <x>".into(), items: vec![item], n_total: 7, ..ReviewQueue::default() };
        let html = render_review(&queue).unwrap();
        assert!(!html.contains("</script><b>") && !html.contains("<x>"));
        assert!(html.contains("1 of 7 detections"));
        assert!(html.contains("review-data"));
    }
}
