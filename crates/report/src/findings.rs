//! A page of sections: what a command found, in sentences first, then numbers with their intervals, tables and sounds.

use crate::table::Table;
use askama::Template;

use crate::bar::{Bar, position, range};
use crate::card::{Card, data_uri, sound_uri};
use crate::error::Result;
use crate::number::fixed;
use crate::section::{LineFigure, Section, SoundCard};
use crate::svg::escaped;

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
        sections: (1..).zip(&findings.sections).map(|(i, section)| view(format!("section-{i}"), section)).collect(),
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "findings.html")]
struct Page<'a> {
    title: &'a str,
    summary: &'a [String],
    warnings: &'a [String],
    sections: Vec<SectionView<'a>>,
}

/// What `section.html` shows.
pub(crate) struct SectionView<'a> {
    pub(crate) id: String,
    pub(crate) title: &'a str,
    /// HTML.
    pub(crate) text: Vec<String>,
    pub(crate) figures: Vec<Line<'a>>,
    pub(crate) table: Option<&'a Table>,
    pub(crate) sounds: Vec<Card>,
}

pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) note: &'a str,
    pub(crate) alarm: bool,
    pub(crate) value: String,
    pub(crate) interval: String,
    pub(crate) chance: String,
    pub(crate) bar: Bar,
}

/// A section whose id on the page is `id`.
pub(crate) fn view(id: String, section: &Section) -> SectionView<'_> {
    SectionView {
        id,
        title: &section.title,
        text: section.text.iter().map(|text| with_code(text)).collect(),
        figures: section.figures.iter().map(line).collect(),
        table: section.table.as_ref().filter(|table| !table.rows.is_empty()),
        sounds: section.sounds.iter().map(card).collect(),
    }
}

/// A sentence as HTML: what is between backticks is code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').map(escaped).enumerate();
    parts.map(|(nth, part)| if nth % 2 == 1 { format!("<code>{part}</code>") } else { part }).collect()
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
        note: sound.note.clone(),
        place: sound.path.clone(),
        png: data_uri("image/png", &sound.png),
        sound: sound_uri(&sound.sound),
        ..Card::default()
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
        let sound = SoundCard { path: nasty.clone(), sound: b"OggS".to_vec(), ..SoundCard::default() };
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
        assert!(html.contains("data:audio/ogg;base64,T2dnUw=="));
    }

    #[test]
    fn what_is_between_backticks_is_code() {
        assert_eq!(with_code("run `a <b>` & see"), "run <code>a &lt;b&gt;</code> &amp; see");
    }

    #[test]
    fn empty_parts_are_not_shown() {
        let html = render_findings(&Findings { title: "nothing".into(), ..Findings::default() }).unwrap();
        assert!(!html.contains("<table") && !html.contains("<audio") && !html.contains("class=\"warnings\""));
    }
}
