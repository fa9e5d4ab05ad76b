//! Data with further clips, such as answers of a review.

use crate::error::Result;
use crate::inputs;
use crate::job::Job;
use audio_io::split::NEITHER;
use audio_io::{Fields, Manifest, Row};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Split of clips that are added to data whose splits are given: they are learned from, and the test stays what it was.
const LEARNED: &str = "train";
/// The same of unknown sounds.
const UNKNOWN: &str = "ood-val";

/// Writes the rows of `data` and of `add` as one manifest to `out`, and returns its path. A clip of a recording that the data have
/// is in the group and the split of that recording.
pub(super) fn write(data: &Path, add: &[PathBuf], out: &Path, job: &Job<'_>) -> Result<PathBuf> {
    let root = out.parent().unwrap_or(Path::new("")).to_owned();
    let open = |path: &Path| -> Result<Manifest> {
        let manifest = inputs::open_manifest(path, &job.cancel)?;
        manifest.warnings.iter().for_each(|warning| job.warn(warning.to_string()));
        Ok(manifest.rebased(&root)?)
    };
    let mut all = open(data)?;
    all.rows.iter_mut().for_each(|row| row.extra = Fields::default());
    let has_splits = all.rows.iter().any(|row| row.split.is_some());
    let known: HashMap<String, (Option<String>, Option<String>)> =
        all.rows.iter().map(|row| (row.path.clone(), (row.group.clone(), row.split.clone()))).collect();
    let n_before = all.rows.len();
    for path in add {
        all.rows.extend(open(path)?.rows.into_iter().map(|row| {
            let (mut group, mut split) = (row.group.clone(), row.split.clone());
            if let Some((of_group, of_split)) = known.get(&row.path) {
                (group, split) = (of_group.clone().or(group), of_split.clone());
            } else if has_splits && split.is_none() {
                split = Some(if row.label == NEITHER { UNKNOWN } else { LEARNED }.to_owned());
            }
            Row { group, split, extra: Fields::default(), ..row }
        }));
    }
    job.say(format!("{} clips added to {n_before}", all.rows.len() - n_before));
    let all = Manifest { root, rows: all.rows, ..Manifest::default() };
    shard::write_atomic(out, &all.to_csv())?;
    Ok(out.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_learned_from_and_a_recording_of_the_test_stays_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a.wav", "b.wav", "c.wav"] {
            std::fs::write(path(name), b"x").unwrap();
        }
        std::fs::create_dir(path("run")).unwrap();
        std::fs::write(path("data.csv"), "path,label,group,split\na.wav,dog,g1,train\nb.wav,bird,g2,test\n").unwrap();
        let header = "path,start,end,channel,label,reviewer,time,model,predicted,score,outlier_p\n";
        let answers =
            "c.wav,0,3,,dog,me,t,m,bird,0.6,\nc.wav,3,6,,neither,me,t,m,dog,0.6,\nb.wav,0,3,,dog,me,t,m,dog,0.9,\n";
        std::fs::write(path("reviews.csv"), format!("{header}{answers}")).unwrap();
        let out = path("run").join("data.csv");
        write(&path("data.csv"), &[path("reviews.csv")], &out, &Job::default()).unwrap();
        let rows = Manifest::open(&out).unwrap().rows;
        let of = |nth: usize| (rows[nth].split.as_deref().unwrap(), rows[nth].group.as_deref());
        assert_eq!(rows.len(), 5);
        assert_eq!((of(2), of(3), of(4)), (("train", None), ("ood-val", None), ("test", Some("g2"))));
        assert_eq!((rows[2].start_s, &*rows[2].path), (Some(0.0), "../c.wav"));
    }
}
