//! Text in pictures: lines of an embedded font (Noto Sans, see `LICENSE-NOTO-SANS`), rasterized.
//!
//! The font covers Latin with its diacritics, Greek and Cyrillic. A character that it does not have is shown by its code
//! point in brackets, `[U+9CE5]`, so that two names never look the same. There is no shaping: scripts that need it are not
//! in the font.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, GlyphId, PxScaleFont, ScaleFont, point};

/// Pixels of an em.
const EM: f32 = 20.0;
/// Pixels from the top of a line to the top of the next.
pub(crate) const LINE: usize = 27;

static FONT: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(notosans::REGULAR_TTF).expect("the embedded font can be parsed"));

fn font() -> PxScaleFont<&'static FontRef<'static>> {
    let font = &*FONT;
    let units_per_em = font.units_per_em().unwrap_or(1000.0);
    font.as_scaled(EM * font.height_unscaled() / units_per_em)
}

/// `text` with every character that the font does not have replaced by its code point.
fn shown(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character.is_control() || FONT.glyph_id(character) == GlyphId(0) {
            out.push_str(&format!("[U+{:04X}]", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// Glyphs of a line and its width; the top of the line is at y = 0.
fn layout(text: &str) -> (Vec<Glyph>, f32) {
    let font = font();
    let mut glyphs = Vec::new();
    let (mut x, mut previous) = (0.0, None);
    for character in shown(text).chars() {
        let id = font.glyph_id(character);
        x += previous.map_or(0.0, |previous| font.kern(previous, id));
        glyphs.push(id.with_scale_and_position(font.scale(), point(x, font.ascent())));
        x += font.h_advance(id);
        previous = Some(id);
    }
    (glyphs, x)
}

/// Width of a line, in pixels.
pub(crate) fn width(text: &str) -> usize {
    layout(text).1.ceil() as usize
}

/// The end of `text` that fits into `room` pixels, since the end of a path says most.
pub(crate) fn shortened(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let ends = text.char_indices().map(|(at, _)| format!("\u{2026}{}", &text[at..]));
    ends.skip(1).find(|end| width(end) <= room).unwrap_or_default()
}

/// Calls `pixel` with x, y and coverage (0 to 1) of each pixel of a line whose upper left corner is at 0, 0. Parts of a
/// glyph may be to the left of or above that.
pub(crate) fn rasterize(text: &str, mut pixel: impl FnMut(i32, i32, f32)) {
    let font = font();
    for glyph in layout(text).0 {
        let Some(outline) = font.outline_glyph(glyph) else { continue };
        let corner = outline.px_bounds().min;
        outline.draw(|x, y, coverage| pixel(corner.x as i32 + x as i32, corner.y as i32 + y as i32, coverage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inked(text: &str) -> usize {
        let mut n = 0;
        rasterize(text, |_, _, coverage| n += usize::from(coverage > 0.5));
        n
    }

    #[test]
    fn diacritics_greek_and_cyrillic_are_in_the_font() {
        for text in ["Weißer Jäger", "žluťoučký kůň", "Łódź", "Ştiucă", "Tiếng Việt", "αηδόνι", "соловей", "…–°"]
        {
            assert_eq!(shown(text), text);
            assert!(text.chars().all(|character| inked(&character.to_string()) > 0 || character == ' '), "{text}");
        }
    }

    #[test]
    fn other_characters_are_shown_by_their_code_point() {
        assert_eq!(shown("鳥\u{1F415}\n.wav"), "[U+9CE5][U+1F415][U+000A].wav");
        assert!(!shown("鳥").contains('?'));
    }

    #[test]
    fn a_combining_mark_takes_no_room() {
        assert_eq!(width("a\u{301}"), width("a"));
        assert!(inked("a\u{301}") > inked("a"));
    }

    #[test]
    fn long_lines_keep_their_end() {
        assert_eq!(shortened("a.wav", 200), "a.wav");
        let short = shortened("a/long/path/to/a.wav", 100);
        assert!(short.starts_with('\u{2026}') && short.ends_with("a.wav") && width(&short) <= 100, "{short}");
        assert_eq!(shortened("a.wav", 0), "");
    }

    #[test]
    fn a_line_is_as_high_as_it_is_said_to_be() {
        let font = font();
        assert_eq!(font.height().round() as usize, LINE);
        rasterize("Éjp|", |x, y, _| assert!(x >= -2 && (-2..=LINE as i32 + 2).contains(&y), "{x} {y}"));
    }
}
