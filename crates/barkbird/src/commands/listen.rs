//! `barkbird listen`.

use crate::cli::{ListenArgs, ListenFormat, Samples};
use crate::ui::Ui;
use anyhow::{Result, bail};
use listen::{ClipOptions, Error, Event, Options, Pcm, SampleFormat, Sound, Told};
use pipeline::Job;
use pipeline::predict::{EventSettings, PredictorOptions};
use std::io::{self, IsTerminal, Write};

/// The environment variable of the password: an argument can be seen by other users of the machine.
#[cfg(feature = "mqtt")]
const PASSWORD: &str = "BARKBIRD_MQTT_PASSWORD";

pub(super) fn run(args: &ListenArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let mut events =
        EventSettings { max_gap_s: args.max_gap, max_s: Some(args.max_length), ..EventSettings::default() };
    for (class, threshold) in &args.threshold {
        match class {
            None => events.threshold = *threshold,
            Some(class) => drop(events.thresholds.insert(class.clone(), *threshold)),
        }
    }
    let options = Options {
        name: args.name.clone(),
        predictor: PredictorOptions::from(&args.ask),
        events,
        windows: args.windows,
        clips: args.clips.as_ref().map(|clips| ClipOptions { around_s: args.around, ..ClipOptions::new(clips) }),
        #[cfg(feature = "mqtt")]
        mqtt: mqtt(&args.mqtt)?,
        ..Options::new(&args.run)
    };
    let sound = sound(args)?;
    let as_json = ui.json() || args.format == ListenFormat::Jsonl;
    let mut tell = |told: &Told| {
        if let Told::Warning { message, .. } = told {
            ui.warn(message);
        }
        let line = match as_json {
            true => serde_json::to_string(told).map(Some).map_err(io::Error::from),
            false => Ok(text(told, ui)),
        };
        let written = line.and_then(|line| match line {
            Some(line) => writeln!(io::stdout(), "{line}").and_then(|()| io::stdout().flush()),
            None => Ok(()),
        });
        written.map_err(Error::Told)
    };
    match listen::run(&options, sound, job, &mut tell) {
        // Whoever read the lines has seen enough.
        Err(Error::Told(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}

fn sound(args: &ListenArgs) -> Result<Sound> {
    if args.input.is_none() {
        #[cfg(feature = "microphone")]
        return Ok(Sound::microphone(args.sound.microphone.as_deref())?);
        #[cfg(not(feature = "microphone"))]
        bail!(
            "this program is built without `microphone`; pipe sound into it: `arecord -t raw -f S16_LE -r 48000 | barkbird \
             listen RUN - --rate 48000`, or build it with --features microphone"
        );
    }
    if io::stdin().is_terminal() {
        bail!("-: standard input is a terminal; pipe sound into it");
    }
    let format = match args.sound.samples {
        Samples::U8 => SampleFormat::U8,
        Samples::S16 => SampleFormat::S16,
        Samples::S24 => SampleFormat::S24,
        Samples::S32 => SampleFormat::S32,
        Samples::F32 => SampleFormat::F32,
    };
    let raw = args.sound.rate.map(|rate_hz| Pcm { format, rate_hz, n_channels: args.sound.channels });
    Ok(Sound::pipe(Box::new(io::stdin()), raw)?)
}

#[cfg(feature = "mqtt")]
fn mqtt(args: &crate::cli::MqttArgs) -> Result<Option<listen::MqttOptions>> {
    let Some(mut broker) = args.mqtt.clone() else { return Ok(None) };
    match (&mut broker.login, std::env::var(PASSWORD)) {
        (Some((_, password)), Ok(given)) if password.is_empty() => *password = given,
        (None, Ok(_)) => bail!("{PASSWORD} is set, but --mqtt names no user: mqtt://USER@HOST"),
        _ => {}
    }
    let discovery = (args.discovery != "none").then(|| args.discovery.clone());
    Ok(Some(listen::MqttOptions { broker, prefix: args.mqtt_topic.clone(), discovery }))
}

/// A line for people on standard output; what is no event or window goes to standard error.
fn text(told: &Told, ui: &Ui) -> Option<String> {
    let clock = |iso: &str| iso.get(11..19).unwrap_or(iso).to_owned();
    match told {
        Told::Started(started) => {
            ui.say(format!(
                "listening to {}: {} Hz, {}; for {}; Ctrl-C ends it",
                started.source,
                started.rate_hz,
                if started.channels == 1 { "mono".to_owned() } else { format!("{} channels", started.channels) },
                started.classes.join(", ")
            ));
            None
        }
        Told::Window(window) => Some(format!("{}  {:<12} {:.2}", clock(&window.recorded), window.label, window.score)),
        Told::Detection(Event { recorded, label, score, start, end, clip, .. }) => {
            let clip = clip.as_ref().map(|clip| format!("  {clip}")).unwrap_or_default();
            Some(format!("{}  {label:<12} {score:.2}  {:>5.1} s{clip}", clock(recorded), end - start))
        }
        Told::Finished(finished) => {
            let lost = match finished.messages_lost {
                0 => String::new(),
                n => format!("; {n} messages were not taken by the broker"),
            };
            ui.say(format!("{} events in {:.1} s of sound{lost}", finished.detections, finished.seconds));
            None
        }
        _ => None,
    }
}
