//! A page of sections: what a command found, in sentences first, then numbers with their intervals, tables and sounds.

use crate::table::Table;
use askama::Template;

use crate::bar::{Bar, position, range};
use crate::card::{Card, data_uri};
use crate::error::Result;
use crate::number::fixed;

/// A page. Everything is text: the template escapes it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// Its heading.
    pub title: String,
    /// The findings in plain sentences, the most serious first.
    pub summary: Vec<String>,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
    /// The rest, in order.
    pub sections: Vec<Section>,
}

/// One part of a page; what is empty is not shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Sentences under it.
    pub text: Vec<String>,
    /// Numbers between 0 and 1, drawn on a line.
    pub figures: Vec<LineFigure>,
    /// A table.
    pub table: Option<Table>,
    /// Clips to look at and listen to.
    pub sounds: Vec<SoundCard>,
}

/// A number between 0 and 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineFigure {
    /// What was measured.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// The value of a random guess, marked on the line.
    pub chance: f64,
    /// An explanation in words.
    pub note: String,
    /// Whether it is highlighted as a problem.
    pub alarm: bool,
}

/// A clip to look at and listen to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SoundCard {
    /// The main point, in a few words.
    pub verdict: String,
    /// Details.
    pub note: String,
    /// Which clip.
    pub path: String,
    /// The spectrogram as a PNG file; empty for none.
    pub png: Vec<u8>,
    /// The sound as a WAV file; empty for none.
    pub wav: Vec<u8>,
}

/// Fills in the page: one HTML file that needs no other file and no network.
///
/// # Errors
/// [`Error::Page`](crate::Error::Page) when it cannot be put together.
#[tracing::instrument(level = "debug", skip_all, fields(n_sections = findings.sections.len()))]
pub fn render_findings(findings: &Findings) -> Result<String> {
    let page = Page {
        title: &findings.title,
        summary: &findings.summary,
        warnings: &findings.warnings,
        sections: findings.sections.iter().enumerate().map(view).collect(),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "findings.html")]
struct Page<'a> {
    title: &'a str,
    summary: &'a [String],
    warnings: &'a [String],
    sections: Vec<View<'a>>,
}

struct View<'a> {
    id: String,
    title: &'a str,
    text: &'a [String],
    figures: Vec<Line<'a>>,
    table: Option<&'a Table>,
    sounds: Vec<Card>,
}

struct Line<'a> {
    name: &'a str,
    note: &'a str,
    alarm: bool,
    value: String,
    interval: String,
    chance: String,
    bar: Bar,
}

fn view((i, section): (usize, &Section)) -> View<'_> {
    View {
        id: format!("section-{}", i + 1),
        title: &section.title,
        text: &section.text,
        figures: section.figures.iter().map(line).collect(),
        table: section.table.as_ref().filter(|table| !table.rows.is_empty()),
        sounds: section.sounds.iter().map(card).collect(),
    }
}

fn line(figure: &LineFigure) -> Line<'_> {
    Line {
        name: &figure.name,
        note: &figure.note,
        alarm: figure.alarm,
        value: fixed(figure.value, 3),
        interval: range(figure.interval),
        chance: position(figure.chance),
        bar: Bar::new(figure.value, figure.interval),
    }
}

fn card(sound: &SoundCard) -> Card {
    Card {
        headline: sound.verdict.clone(),
        mark: "",
        note: sound.note.clone(),
        place: sound.path.clone(),
        png: data_uri("image/png", &sound.png),
        wav: data_uri("audio/wav", &sound.wav),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_positions_stay_on_the_line() {
        let nasty = "<script>alert('x')</script>".to_owned();
        let figure =
            LineFigure { name: nasty.clone(), value: 0.9, interval: [-0.1, 1.2], chance: 0.5, ..LineFigure::default() };
        let table = Table { caption: nasty.clone(), columns: vec![nasty.clone()], rows: vec![vec![nasty.clone()]] };
        let sound = SoundCard { path: nasty.clone(), wav: b"RIFF".to_vec(), ..SoundCard::default() };
        let section = Section {
            title: nasty.clone(),
            text: vec![nasty.clone()],
            figures: vec![figure],
            table: Some(table),
            sounds: vec![sound],
        };
        let page = Findings {
            title: nasty.clone(),
            summary: vec![nasty.clone()],
            warnings: vec![nasty],
            sections: vec![section],
        };
        let html = render_findings(&page).unwrap();
        assert!(!html.contains("<script>"));
        assert!(html.contains("--low:0.0000;--high:1.0000;--at:0.9000"), "{html}");
        assert!(html.contains("data:audio/wav;base64,UklGRg=="));
    }

    #[test]
    fn empty_parts_are_not_shown() {
        let html = render_findings(&Findings { title: "nothing".into(), ..Findings::default() }).unwrap();
        assert!(!html.contains("<table") && !html.contains("<audio") && !html.contains("class=\"warnings\""));
    }
}
