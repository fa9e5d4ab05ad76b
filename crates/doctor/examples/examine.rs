//! Faults, and pairs of one session, of the recordings of a manifest, as two tables: `examine MANIFEST [FAULTS.csv
//! SESSIONS.csv]`; the tables go to standard output where no files are named.

#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::fmt::Write as _;

use audio_io::{Manifest, decode_file};
use doctor::fault::{FaultConfig, faults};
use doctor::measure::{Measures, measure};
use doctor::session::{SessionClip, SessionConfig, session_pairs};
use rayon::prelude::*;

/// Measures and format of a file, or why there are none, and its damage.
type Examined = (Option<(Measures, String)>, Vec<String>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let manifest = Manifest::open(arguments.first().ok_or("examine MANIFEST [FAULTS.csv SESSIONS.csv]")?.as_ref())?;
    let started = std::time::Instant::now();
    let examined: Vec<Examined> = manifest
        .rows
        .par_iter()
        .map(|row| match decode_file(&manifest.root.join(&row.path)) {
            Err(error) => (None, vec![error.to_string()]),
            Ok(decoded) => {
                let damage: Vec<String> = decoded.damage.iter().map(ToString::to_string).collect();
                let format = format!("{} {} {:?}", decoded.format, decoded.codec, decoded.bits);
                match measure(&decoded.channels, decoded.rate_hz) {
                    Ok(measures) => (Some((measures, format)), damage),
                    Err(error) => (None, vec![error.to_string()]),
                }
            }
        })
        .collect();
    eprintln!("{} recordings measured in {:.1} s", examined.len(), started.elapsed().as_secs_f64());
    let mut table = "path,label,fault,severity,evidence\n".to_owned();
    for (row, (measures, damage)) in manifest.rows.iter().zip(&examined) {
        for fault in faults(measures.as_ref().map(|(measures, _)| measures), damage, &FaultConfig::default()) {
            let (kind, severity) = (fault.kind, fault.severity);
            writeln!(table, "{},{},{kind:?},{severity:?},\"{}\"", row.path, row.label, fault.evidence)?;
        }
    }
    let (rows, clips): (Vec<_>, Vec<SessionClip<'_>>) = manifest
        .rows
        .iter()
        .zip(&examined)
        .filter_map(|(row, (measured, _))| {
            let (measures, format) = measured.as_ref()?;
            Some((row, SessionClip { path: &row.path, format, measures }))
        })
        .unzip();
    let mut sessions = "a,b,sign,difference_db,group_a,group_b\n".to_owned();
    for pair in session_pairs(&clips, &SessionConfig::default())? {
        let group = |i: usize| rows[i].group.clone().unwrap_or_default();
        let (a, b) = (pair.a, pair.b);
        let (path_a, path_b) = (&rows[a].path, &rows[b].path);
        writeln!(sessions, "{path_a},{path_b},{:?},{:.3},{},{}", pair.sign, pair.difference_db, group(a), group(b))?;
    }
    match &arguments[1..] {
        [faults_file, sessions_file] => {
            std::fs::write(faults_file, table)?;
            std::fs::write(sessions_file, sessions)?;
        }
        _ => println!("{table}\n{sessions}"),
    }
    Ok(())
}
