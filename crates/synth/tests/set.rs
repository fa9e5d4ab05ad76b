//! What a set promises, through the public interface.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use synth::{GROUP_CLIPS, Item, Label, PEAK_DBFS, Plan, SECONDS, plan, to_wav_16};

/// One set for the tests that look at many clips.
static SET: LazyLock<Vec<Item>> = LazyLock::new(|| plan(400, 2).iter().map(Plan::render).collect());

fn groups(plans: &[Plan]) -> BTreeMap<&str, Vec<&Plan>> {
    let mut groups: BTreeMap<&str, Vec<&Plan>> = BTreeMap::new();
    plans.iter().for_each(|p| groups.entry(&p.group).or_default().push(p));
    groups
}

#[test]
fn any_number_of_clips_in_the_promised_shares() {
    for n_clips in [0, 1, 2, 7, 50, 400, 1001] {
        let plans = plan(n_clips, 3);
        assert_eq!(plans.len(), n_clips);
        let paths: BTreeSet<_> = plans.iter().map(|p| &p.path).collect();
        assert_eq!(paths.len(), n_clips, "no path twice");
        for (label, share) in Label::SHARES {
            let n = plans.iter().filter(|p| p.label == label).count() as f64;
            assert!((n - share * n_clips as f64).abs() <= GROUP_CLIPS[1] as f64, "{n_clips} clips: {n} of {label}");
        }
    }
}

#[test]
fn a_shorter_set_is_the_start_of_a_longer_one() {
    let long = plan(300, 9);
    for n_clips in [0, 1, 13, 299] {
        assert_eq!(plan(n_clips, 9), long[..n_clips]);
    }
    assert_ne!(plan(300, 10), long);
    assert_eq!(plan(13, 9)[12].render(), long[12].render());
}

#[test]
fn groups_have_one_label_one_rate_and_two_to_six_clips() {
    let plans = plan(200, 5);
    let groups = groups(&plans);
    let n_cut_short = groups.values().filter(|clips| clips.len() < GROUP_CLIPS[0]).count();
    assert!(n_cut_short <= 1, "only the last group may be cut short");
    let mut sizes = BTreeSet::new();
    for (name, clips) in groups {
        assert!(clips.len() <= GROUP_CLIPS[1]);
        sizes.insert(clips.len());
        assert!(clips.iter().all(|p| p.label == clips[0].label), "{name} mixes labels");
        assert!(clips.iter().all(|p| p.path.starts_with(&format!("{0}/{0}-", p.label))));
        let rates: BTreeSet<u32> = clips.iter().take(2).map(|p| p.render().rate_hz).collect();
        assert_eq!(rates.len(), 1, "{name} has one microphone");
    }
    assert_eq!(sizes, (GROUP_CLIPS[0]..=GROUP_CLIPS[1]).collect());
}

#[test]
fn samples_are_finite_and_within_the_promised_ranges() {
    for item in SET.iter() {
        let name = &item.path;
        assert!(item.samples.iter().all(|x| x.is_finite() && x.abs() <= 1.0), "{name}");
        let seconds = item.samples.len() as f32 / item.rate_hz as f32;
        assert!((SECONDS[0] - 0.001..=SECONDS[1]).contains(&seconds), "{name}: {seconds} s");
        let peak_dbfs = 20.0 * item.samples.iter().fold(0f32, |most, x| most.max(x.abs())).log10();
        assert!(peak_dbfs > PEAK_DBFS[0] - 0.01 && peak_dbfs < PEAK_DBFS[1] + 0.01, "{name}: {peak_dbfs} dBFS");
        let mean = item.samples.iter().sum::<f32>() / item.samples.len() as f32;
        let rms = (item.samples.iter().map(|x| x * x).sum::<f32>() / item.samples.len() as f32).sqrt();
        assert!(mean.abs() < 0.2 * rms, "{name}: no offset, {mean} against {rms}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_any_order() {
    let plans = plan(40, 11);
    let forward: Vec<Vec<u8>> = plans.iter().map(|p| bytes(&p.render())).collect();
    let mut backward: Vec<Vec<u8>> = plans.iter().rev().map(|p| bytes(&p.render())).collect();
    backward.reverse();
    assert!(forward == backward);
    let threaded: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let workers: Vec<_> = plans.iter().map(|p| scope.spawn(|| bytes(&p.render()))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(forward == threaded);
    let distinct: BTreeSet<&Vec<u8>> = forward.iter().collect();
    assert_eq!(distinct.len(), plans.len(), "no clip twice");
    assert!(forward[0] != bytes(&plan(1, 12)[0].render()));
}

#[test]
fn every_rate_and_every_label_meet() {
    let seen: BTreeSet<(String, u32)> = SET.iter().map(|i| (i.label.clone(), i.rate_hz)).collect();
    for label in ["dog", "bird"] {
        let rates: Vec<u32> = seen.iter().filter(|(l, _)| l == label).map(|(_, rate)| *rate).collect();
        assert_eq!(rates, [8000, 11025, 16000, 22050, 44100, 48000], "{label}");
    }
}

#[test]
fn peak_and_length_say_nothing_of_the_label() {
    let mean = |label: &str, value: &dyn Fn(&Item) -> f32| {
        let values: Vec<f32> = SET.iter().filter(|i| i.label == label).map(value).collect();
        values.iter().sum::<f32>() / values.len() as f32
    };
    let peak_db = |i: &Item| 20.0 * i.samples.iter().fold(0f32, |most, x| most.max(x.abs())).log10();
    let seconds = |i: &Item| i.samples.len() as f32 / i.rate_hz as f32;
    // Standard errors of the difference of two means of 160 uniform draws: 0.94 dB and 0.16 s.
    assert!((mean("dog", &peak_db) - mean("bird", &peak_db)).abs() < 3.0);
    assert!((mean("dog", &seconds) - mean("bird", &seconds)).abs() < 0.5);
}

fn bytes(item: &Item) -> Vec<u8> {
    to_wav_16(&item.samples, item.rate_hz)
}
