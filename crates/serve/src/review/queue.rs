//! The detections of a table, in the order in which they are worth an answer.

use super::file::{Place, file_error};
use crate::error::Result;
use crate::options::ReviewTable;
use crate::problem::{Answer, Problem};
use detections::review::Review;
use detections::{NEITHER, TableDetection, UNSURE};
use pipeline::CancelToken;
use pipeline::inputs::{self, Recordings};
use pipeline::review;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::OnceLock;

/// Items of one answer, at most, and where nothing is asked for.
const MOST: usize = 1000;
const USUAL: usize = 50;

/// The table.
pub(crate) struct Queue {
    /// Its file's name.
    pub(crate) name: String,
    /// SHA-256 of the model that made it, where it says so.
    pub(crate) model_sha256: Option<String>,
    rows: Vec<TableDetection>,
    pub(crate) recordings: Recordings,
    /// Detections of each label.
    counts: BTreeMap<String, usize>,
    /// Places of the rows in the order `spread`.
    spread: OnceLock<Vec<f64>>,
}

/// A detection to review.
#[derive(Debug, Clone, Serialize)]
struct Item {
    id: usize,
    path: Option<String>,
    start: f64,
    end: f64,
    channel: Option<u16>,
    label: String,
    score: Option<f64>,
    outlier_p: Option<f64>,
}

/// The body of `GET /api/queue`.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    items: Vec<Item>,
    total: usize,
    answered: usize,
    counts: BTreeMap<String, usize>,
}

/// The query of `GET /api/queue`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    order: Order,
    class: Option<String>,
    n: Option<usize>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// Where the score is nearest to one half.
    #[default]
    Uncertain,
    /// In an order that depends on the detection alone.
    Random,
    /// In a random order whose first ones are spread evenly over the scores.
    Spread,
    /// The highest score.
    Score,
}

impl Queue {
    /// # Errors
    /// A table or a folder of recordings that cannot be read.
    pub(crate) fn open(table: &ReviewTable, cancel: &CancelToken) -> Result<Self> {
        let rows = inputs::detections(&table.detections, None)?;
        let recordings = Recordings::new(&table.detections, table.recordings.as_deref(), cancel)?;
        let name = table.detections.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = storage::read(&table.detections);
        let bytes = read.map_err(|source| file_error(&table.detections, "cannot be read", source))?;
        Ok(Self::new(name, detections::table_model(&bytes), rows, recordings))
    }

    fn new(name: String, model_sha256: Option<String>, rows: Vec<TableDetection>, recordings: Recordings) -> Self {
        let counts = review::counts(&rows);
        Self { name, model_sha256, rows, recordings, counts, spread: OnceLock::new() }
    }

    /// The answers that are about detections of the table.
    pub(crate) fn answers<'a>(&self, reviews: &'a [Review]) -> Vec<&'a Review> {
        review::of_table(reviews, &self.rows)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Classes that the rows have.
    pub(crate) fn classes(&self) -> Vec<String> {
        let is_class = |label: &&str| !label.is_empty() && *label != NEITHER && *label != UNSURE;
        let labels: BTreeSet<&str> = self.rows.iter().map(|row| row.label.as_str()).filter(is_class).collect();
        labels.into_iter().map(str::to_owned).collect()
    }

    /// What the rows are about.
    pub(super) fn places(&self) -> HashSet<Place> {
        self.rows.iter().map(Place::of).collect()
    }

    /// The detection of a number.
    pub(crate) fn get(&self, id: usize) -> Answer<&TableDetection> {
        self.rows
            .get(id)
            .ok_or_else(|| Problem::not_found(format!("{id}: the table has {} detections", self.rows.len())))
    }

    /// Detections that have no answer, and how many have one.
    pub(crate) fn list(&self, wanted: &Wanted, is_answered: impl Fn(&Place) -> bool) -> List {
        let of_class =
            |row: &&TableDetection| wanted.class.as_ref().is_none_or(|class| class.is_empty() || row.label == *class);
        let total = self.rows.iter().filter(of_class).count();
        let rows = self.rows.iter().enumerate().filter(|(_, row)| of_class(row));
        let mut open: Vec<(usize, &TableDetection)> = rows.filter(|(_, row)| !is_answered(&Place::of(row))).collect();
        let answered = total - open.len();
        match wanted.order {
            Order::Uncertain => open.sort_by(|a, b| compared(uncertainty(a.1), uncertainty(b.1))),
            Order::Score => open.sort_by(|a, b| compared(b.1.score.unwrap_or(-1.0), a.1.score.unwrap_or(-1.0))),
            Order::Spread => {
                let places = self.spread.get_or_init(|| review::spread(&self.rows, 0));
                open.sort_by(|a, b| compared(places[a.0], places[b.0]));
            }
            Order::Random => open.sort_by_cached_key(|(id, _)| <[u8; 32]>::from(Sha256::digest(id.to_le_bytes()))),
        }
        let n = wanted.n.unwrap_or(USUAL).min(MOST);
        let items = open.into_iter().take(n).map(|(id, row)| Item::of(id, row)).collect();
        List { items, total, answered, counts: self.counts.clone() }
    }
}

/// How far a score is from saying nothing.
fn uncertainty(row: &TableDetection) -> f64 {
    row.score.map_or(0.0, |score| (score - 0.5).abs())
}

fn compared(a: f64, b: f64) -> Ordering {
    a.total_cmp(&b)
}

impl Item {
    fn of(id: usize, row: &TableDetection) -> Self {
        Self {
            id,
            path: row.path.clone(),
            start: row.start_ms as f64 / 1000.0,
            end: row.end_ms as f64 / 1000.0,
            channel: row.channel,
            label: row.label.clone(),
            score: row.score,
            outlier_p: row.outlier_p,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, start_ms: u64, score: f64) -> TableDetection {
        TableDetection {
            path: Some("a.wav".into()),
            start_ms,
            end_ms: start_ms + 1000,
            channel: None,
            label: label.into(),
            score: Some(score),
            outlier_p: None,
            low_hz: None,
            high_hz: None,
        }
    }

    #[test]
    fn orders_and_classes() {
        let rows = vec![row("dog", 0, 0.9), row("bird", 1000, 0.55), row("dog", 2000, 0.4), row("dog", 3000, 0.99)];
        let recordings = Recordings::new("a.csv".as_ref(), None, &CancelToken::default()).unwrap();
        let queue = Queue::new("a.csv".into(), None, rows, recordings);
        let ids = |order, class: Option<&str>, n| {
            let wanted = Wanted { order, class: class.map(str::to_owned), n };
            let list = queue.list(&wanted, |place| place.start_ms == 3000);
            (list.items.iter().map(|item| item.id).collect::<Vec<_>>(), list.total, list.answered)
        };
        assert_eq!(ids(Order::Uncertain, None, None), (vec![1, 2, 0], 4, 1));
        assert_eq!(ids(Order::Score, Some("dog"), Some(1)), (vec![0], 3, 1));
        for order in [Order::Random, Order::Spread] {
            let (mut random, ..) = ids(order, None, None);
            random.sort_unstable();
            assert_eq!(random, [0, 1, 2]);
        }
    }
}
