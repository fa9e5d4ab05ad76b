//! From the channels of a file to the channels of a clip.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::room::with_room;

/// What becomes of a file with several channels. In a configuration: `"mix"`, `"all"`, or a channel's number from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelPolicy {
    /// The mean of all channels.
    #[default]
    Mix,
    /// One channel, counted from 0.
    One(u16),
    /// Every channel is a clip of its own.
    All,
}

impl Serialize for ChannelPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            ChannelPolicy::Mix => serializer.serialize_str("mix"),
            ChannelPolicy::All => serializer.serialize_str("all"),
            ChannelPolicy::One(channel) => serializer.serialize_u16(*channel),
        }
    }
}

impl<'de> Deserialize<'de> for ChannelPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = ChannelPolicy;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("\"mix\", \"all\" or a channel's number from 0")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<ChannelPolicy, E> {
                match text {
                    "mix" => Ok(ChannelPolicy::Mix),
                    "all" => Ok(ChannelPolicy::All),
                    other => other
                        .parse()
                        .map(ChannelPolicy::One)
                        .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> std::result::Result<ChannelPolicy, E> {
                u16::try_from(number)
                    .map(ChannelPolicy::One)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> std::result::Result<ChannelPolicy, E> {
                u16::try_from(number)
                    .map(ChannelPolicy::One)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(number), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A channel's number (`None` for a mix) and its samples.
type Chosen<'a> = (Option<u16>, Cow<'a, [f32]>);

/// Applies the policy to a stretch of every channel.
///
/// # Shapes
/// `channels` is `[C, n]`, each result `[n]`.
///
/// # Errors
/// A channel that the file lacks.
pub(crate) fn select<'a>(channels: &[&'a [f32]], policy: ChannelPolicy) -> Result<Vec<Chosen<'a>>> {
    match (policy, channels) {
        (ChannelPolicy::Mix, [mono]) => Ok(vec![(None, Cow::Borrowed(*mono))]),
        (ChannelPolicy::Mix, _) => Ok(vec![(None, Cow::Owned(mix(channels)))]),
        (ChannelPolicy::One(channel), _) => channels
            .get(usize::from(channel))
            .map(|samples| vec![(Some(channel), Cow::Borrowed(*samples))])
            .ok_or(Error::Channel { channel, n_channels: channels.len() }),
        (ChannelPolicy::All, _) => {
            Ok((0..).zip(channels).map(|(i, samples)| (Some(i), Cow::Borrowed(*samples))).collect())
        }
    }
}

fn mix(channels: &[&[f32]]) -> Vec<f32> {
    if let [left, right] = channels {
        let mut mean = with_room(left.len());
        mean.extend(left.iter().zip(*right).map(|(l, r)| 0.5 * (l + r)));
        return mean;
    }
    let mut mean = channels.first().map(|samples| samples.to_vec()).unwrap_or_default();
    for samples in channels.iter().skip(1) {
        for (sum, sample) in mean.iter_mut().zip(*samples) {
            *sum += sample;
        }
    }
    let share = 1.0 / channels.len().max(1) as f32;
    mean.iter_mut().for_each(|sample| *sample *= share);
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 0.5]];

    #[test]
    fn policies_pick_what_they_say() {
        assert_eq!(select(&STEREO, ChannelPolicy::Mix).unwrap(), [(None, Cow::Borrowed(&[0.5f32, 0.25][..]))]);
        assert_eq!(select(&STEREO, ChannelPolicy::One(1)).unwrap()[0].1[1], 0.5);
        let all = select(&STEREO, ChannelPolicy::All).unwrap();
        assert_eq!(all.iter().map(|(channel, _)| *channel).collect::<Vec<_>>(), [Some(0), Some(1)]);
        let three: [&[f32]; 3] = [&[0.3], &[0.3], &[0.6]];
        assert!((select(&three, ChannelPolicy::Mix).unwrap()[0].1[0] - 0.4).abs() < 1e-7);
    }

    #[test]
    fn a_missing_channel_is_named() {
        let error = select(&STEREO, ChannelPolicy::One(2)).unwrap_err().to_string();
        assert_eq!(error, "channel 2 is asked for (counted from 0), the file has 2");
    }

    #[test]
    fn the_configuration_form_round_trips() {
        for (policy, text) in
            [(ChannelPolicy::Mix, "\"mix\""), (ChannelPolicy::All, "\"all\""), (ChannelPolicy::One(3), "3")]
        {
            assert_eq!(serde_json::to_string(&policy).unwrap(), text);
            assert_eq!(serde_json::from_str::<ChannelPolicy>(text).unwrap(), policy);
        }
        assert!(serde_json::from_str::<ChannelPolicy>("\"left\"").is_err());
        assert!(serde_json::from_str::<ChannelPolicy>("-1").is_err());
    }
}
