//! Clips that are made while a recording comes in are those of the whole recording.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use audio_io::{
    ChannelPolicy, Clip, ClipConfig, ClipStream, Decoded, Frames, Padding, Placement, Result, Windowing, clips,
};
use proptest::prelude::*;

fn recording(rate_hz: u32, n_channels: usize, n: usize) -> Decoded {
    let sample = |channel: usize, i: u64| match i / 3000 % 4 {
        0 => 0.0,
        _ => ((i * i * 40_503 + channel as u64 * 77) % 65_521) as f32 / 65_521.0 - 0.5,
    };
    let channels = (0..n_channels).map(|channel| (0..n as u64).map(|i| sample(channel, i)).collect()).collect();
    Decoded { rate_hz, channels, ..Decoded::default() }
}

type Row = (Option<f64>, Option<f64>, Option<u16>);

/// The clips where the recording comes in blocks of `n_block` frames, and the most frames that were kept.
fn streamed(file: &Decoded, row: Row, config: &ClipConfig, n_block: usize) -> (Result<Vec<Clip>>, usize) {
    let n_frames = file.n_frames();
    let mut stream = match ClipStream::new(file.rate_hz, row.0, row.1, row.2, config) {
        Ok(stream) => stream,
        Err(error) => return (Err(error), 0),
    };
    let mut frames = Frames { channels: vec![Vec::new(); file.channels.len()], base: 0 };
    let (mut all, mut most) = (Vec::new(), 0);
    let mut whole = 0;
    for start in (0..n_frames).step_by(n_block) {
        for (to, from) in frames.channels.iter_mut().zip(&file.channels) {
            to.extend_from_slice(&from[start..n_frames.min(start + n_block)]);
        }
        most = most.max(frames.channels[0].len());
        let n = stream.n_ready(frames.end());
        match stream.take(&frames, n) {
            Ok(clips) => all.extend(clips),
            Err(error) => return (Err(error), most),
        }
        whole = frames.end();
        if stream.is_done(frames.end()) {
            whole = n_frames;
            break;
        }
        frames.forget(stream.needs_from());
    }
    let n_known = frames.end();
    (stream.rest(&frames, n_known, whole).map(|rest| [all, rest].concat()), most)
}

fn placement() -> impl Strategy<Value = Placement> {
    prop_oneof![
        4 => (0.0..0.9f64).prop_map(|overlap_s| Placement::Sliding { overlap_s }),
        1 => Just(Placement::First),
        1 => Just(Placement::Center),
        1 => Just(Placement::Loudest),
        1 => Just(Placement::Whole),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn blocks_of_any_size_give_the_clips_of_the_whole(
        (from_hz, to_hz) in prop_oneof![
            Just((44_100, 22_050)), Just((16_000, 16_000)), Just((8012, 22_050)), Just((48_000, 16_000)),
        ],
        seconds in 0.01..6.0f64,
        row in (prop::option::of(0.0..3.0f64), prop::option::of(0.5..6.5f64), prop::option::of(0..2u16)),
        placement in placement(),
        policy in prop_oneof![Just(ChannelPolicy::Mix), Just(ChannelPolicy::All), Just(ChannelPolicy::One(1))],
        trim_db in prop::option::of(Just(40.0)),
        n_channels in 1..3usize,
        n_block in prop_oneof![Just(1000), Just(30_000), Just(1_000_000)],
    ) {
        let file = recording(from_hz, n_channels, (seconds * f64::from(from_hz)) as usize + 1);
        let window = Windowing { placement, seconds: 1.0, padding: Padding::Repeat };
        let config = ClipConfig { sample_rate_hz: to_hz, channels: policy, window, trim_db, ..ClipConfig::default() };
        let (got, _) = streamed(&file, row, &config, n_block);
        match (clips(&file, row.0, row.1, row.2, &config), got) {
            (Ok(expected), Ok(got)) => prop_assert!(expected == got, "{} and {} clips", expected.len(), got.len()),
            // Of two reasons, another may be found first.
            (Err(_), Err(_)) => {}
            (expected, got) => prop_assert!(false, "{:?} and {:?}", expected.map(|_| ()), got.map(|_| ())),
        }
    }
}

#[test]
fn a_long_recording_is_never_kept() {
    let file = recording(44_100, 1, 44_100 * 60);
    let window = Windowing { placement: Placement::Sliding { overlap_s: 0.5 }, seconds: 1.0, ..Windowing::default() };
    for sample_rate_hz in [22_050, 44_100] {
        let config = ClipConfig { sample_rate_hz, window, ..ClipConfig::default() };
        let (clips, most) = streamed(&file, (None, None, None), &config, 10_000);
        assert_eq!(clips.unwrap().len(), 119);
        assert!(most < 44_100 * 3, "{most}");
    }
    let config = ClipConfig { window: Windowing { seconds: 1.0, ..Windowing::default() }, ..ClipConfig::default() };
    let (clips, most) = streamed(&file, (None, None, None), &config, 10_000);
    assert!(clips.unwrap().len() == 1 && most < 44_100 * 3, "{most}");
}
