//! Clips of a training: received under names of our own, listed in a manifest.

use super::one::{Clip, Fit, Inner, State};
use crate::names::clean_name;
use crate::options::Limits;
use crate::problem::{Answer, Problem};
use crate::upload::{check_length, receive};
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use std::sync::Arc;
use storage::AtomicFile;
use tokio::task::spawn_blocking;

/// Classes of a training, at most.
const MOST_CLASSES: usize = 200;

/// Clips of a training, at most.
const MOST_CLIPS: usize = 200_000;

/// Characters of a class, at most.
const MOST_CLASS: usize = 100;

/// Clips in one folder.
const IN_FOLDER: usize = 1000;

/// The query of `PUT /api/fits/ID/clips`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClip {
    /// The class; `neither` for an unknown sound.
    pub class: String,
    /// What the client calls the clip. Its folder says what belongs together; it is never a path on the server.
    pub name: String,
}

impl NewClip {
    /// Of the address of a request.
    ///
    /// # Errors
    /// Keys that there are not, no name, and a class that cannot be one.
    pub fn parse(uri: &Uri) -> Result<Self, Problem> {
        let Query(Self { class, name }) = Query::try_from_uri(uri)?;
        let clean = clean_name(&class);
        if clean != class || class.is_empty() || class.chars().count() > MOST_CLASS || class.starts_with('-') {
            return Err(Problem::bad_request(format!(
                "class: expected 1 to {MOST_CLASS} characters, no control characters, no space or minus sign at the beginning"
            )));
        }
        match clean_name(&name) {
            name if name.is_empty() => Err(Problem::bad_request("name: expected the name of the clip's file")),
            name => Ok(Self { class, name }),
        }
    }

    /// What belongs together: the clips of a folder.
    pub fn group(&self) -> String {
        match self.name.rsplit_once(['/', '\\']) {
            Some((folder, _)) if !folder.is_empty() => format!("{}/{folder}", self.class),
            _ => String::new(),
        }
    }

    /// The end of the file's name: one that recordings have.
    fn extension(&self) -> &'static str {
        let given = self.name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let known = audio_io::EXTENSIONS.iter().find(|known| known.eq_ignore_ascii_case(given));
        known.copied().unwrap_or("wav")
    }
}

/// Room for a clip that is coming; given back where it does not come.
struct Coming<'a> {
    fit: &'a Fit,
    nth: usize,
}

impl<'a> Coming<'a> {
    fn begin(fit: &'a Fit, clip: &NewClip) -> Answer<Self> {
        let nth = fit.change(|inner| {
            if inner.seen.state != State::Uploading {
                return Err(Problem::conflict("the training has begun; make another for more clips"));
            }
            if inner.n_begun >= MOST_CLIPS {
                return Err(Problem::too_large(format!("expected at most {MOST_CLIPS} clips")));
            }
            if inner.seen.classes.len() >= MOST_CLASSES && !inner.seen.classes.contains_key(&clip.class) {
                return Err(Problem::too_large(format!("expected at most {MOST_CLASSES} classes")));
            }
            inner.n_begun += 1;
            inner.n_coming += 1;
            Ok(inner.n_begun - 1)
        })?;
        Ok(Self { fit, nth })
    }

    /// Path below the training's folder.
    fn file(&self, clip: &NewClip) -> String {
        format!("clips/{:02}/{:05}.{}", self.nth / IN_FOLDER, self.nth, clip.extension())
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        self.fit.change(|inner| inner.n_coming -= 1);
    }
}

/// Receives a clip. Nothing is left of one that does not come to its end.
pub(crate) async fn add(fit: &Arc<Fit>, clip: NewClip, headers: &HeaderMap, body: Body, limits: &Limits) -> Answer<()> {
    check_length(headers, limits.upload_bytes, &clip.name)?;
    let coming = Coming::begin(fit, &clip)?;
    let file = coming.file(&clip);
    let path = fit.folder.join(&file);
    let failed = |error: &dyn std::error::Error| {
        tracing::error!("a clip cannot be written: {error}");
        Problem::internal("the server cannot write the clip; its log says why")
    };
    let create = move || {
        path.parent().map_or(Ok(()), storage::create_dir_all)?;
        AtomicFile::create(&path)
    };
    let out = spawn_blocking(create).await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let (out, n_bytes) = receive(body, out, limits.upload_bytes, limits, &clip.name).await?;
    if n_bytes == 0 {
        return Err(Problem::unusable(format!("{}: the body is empty; expected the bytes of a recording", clip.name)));
    }
    // Room first: many clips may come at a time.
    fit.change(|inner| {
        if inner.seen.bytes + n_bytes > limits.fit_bytes {
            return Err(Problem::too_large(format!("the clips have more than {} bytes together", limits.fit_bytes)));
        }
        inner.seen.bytes += n_bytes;
        Ok(())
    })?;
    let placed = spawn_blocking(move || out.commit()).await;
    if let Err(problem) = placed.map_err(|error| failed(&error)).and_then(|done| done.map_err(|error| failed(&error))) {
        fit.change(|inner| inner.seen.bytes -= n_bytes);
        return Err(problem);
    }
    fit.change(|Inner { seen, clips, .. }| {
        *seen.classes.entry(clip.class.clone()).or_default() += 1;
        clips.push(Clip { file, group: clip.group(), class: clip.class });
    });
    Ok(())
}

/// The manifest of all clips, in the order in which they were begun.
pub(super) fn manifest(clips: &[Clip]) -> csv::Result<Vec<u8>> {
    let mut sorted: Vec<&Clip> = clips.iter().collect();
    sorted.sort_by(|a, b| a.file.cmp(&b.file));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["path", "label", "group"])?;
    for Clip { file, class, group } in sorted {
        writer.write_record([file, class, group])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(query: &str) -> Result<NewClip, Problem> {
        NewClip::parse(&format!("/api/fits/1/clips?{query}").parse().unwrap())
    }

    #[test]
    fn names_say_what_belongs_together_and_no_more() {
        let rex = clip("class=dog&name=rex%2F..%2F..%2Fetc%2F01.FLAC").unwrap();
        assert_eq!((rex.group().as_str(), rex.extension()), ("dog/rex/../../etc", "flac"));
        let alone = clip("class=gro%C3%9Fe%20Eule&name=a.exe").unwrap();
        assert_eq!((alone.group().as_str(), alone.extension(), alone.class.as_str()), ("", "wav", "große Eule"));
        for wrong in [
            "class=dog",
            "name=a.wav",
            "class=&name=a",
            "class=-dog&name=a",
            "class=a%0A&name=a",
            "class=dog&name=%00",
            "class=dog&name=a&x=1",
        ] {
            assert_eq!(clip(wrong).unwrap_err().code, "bad_request", "{wrong}");
        }
        assert!(clip(&format!("class={}&name=a", "x".repeat(101))).is_err());
    }

    #[test]
    fn the_manifest_is_in_order() {
        let of = |file: &str, class: &str| Clip { file: file.into(), class: class.into(), group: String::new() };
        let text = manifest(&[of("clips/00/00001.wav", "a,b"), of("clips/00/00000.wav", "dog")]).unwrap();
        let expected = "path,label,group\nclips/00/00000.wav,dog,\nclips/00/00001.wav,\"a,b\",\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
