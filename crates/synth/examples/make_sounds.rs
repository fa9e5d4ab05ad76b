//! Makes a small data set of sounds, in memory.

use std::collections::BTreeMap;

fn main() {
    let mut n_clips = BTreeMap::new();
    for clip in synth::plan(20, 7) {
        let sound = clip.render();
        let wav = synth::to_wav_16(&sound.samples, sound.rate_hz);
        assert_eq!(wav.len(), 44 + 2 * sound.samples.len());
        *n_clips.entry(sound.label).or_insert(0) += 1;
    }
    assert_eq!(n_clips.values().sum::<i32>(), 20);
    assert!(n_clips.contains_key("dog") && n_clips.contains_key("bird"));
}
