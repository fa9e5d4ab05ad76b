//! What reviewers say: a CSV that only grows, each answer in it before it is acknowledged.

use crate::app::App;
use crate::error::{Error, Result};
use crate::predict::attachment;
use crate::problem::{Answer, Problem};
use crate::upload;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use detections::TableDetection;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use storage::AppendFile;

/// Columns of the CSV.
const COLUMNS: [&str; 12] = [
    "path", "start", "end", "channel", "label", "reviewer", "time", "model", "predicted", "score", "outlier_p", "note",
];
