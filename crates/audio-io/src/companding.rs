//! A-law and mu-law (ITU-T G.711): one byte to a sample of 16 bits, full scale at 1.0.

/// One A-law byte as a sample.
pub(crate) fn a_law(byte: u8) -> f32 {
    // Even bits are inverted on the wire: sign, three bits of segment, four of step.
    let code = byte ^ 0x55;
    let step = i32::from(code & 0x0f);
    let magnitude = match (code >> 4) & 0x07 {
        0 => (step << 4) + 8,
        segment => ((step << 4) + 0x108) << (segment - 1),
    };
    // The sign bit is set for positive samples.
    (if code & 0x80 != 0 { magnitude } else { -magnitude }) as f32 / 32768.0
}

/// One mu-law byte as a sample.
pub(crate) fn mu_law(byte: u8) -> f32 {
    const BIAS: i32 = 0x84;
    // All bits are inverted on the wire.
    let code = !byte;
    let step = i32::from(code & 0x0f);
    let magnitude = (((step << 3) + BIAS) << ((code >> 4) & 0x07)) - BIAS;
    (if code & 0x80 == 0 { magnitude } else { -magnitude }) as f32 / 32768.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcm16(sample: f32) -> i32 {
        (sample * 32768.0) as i32
    }

    #[test]
    fn a_law_equals_known_values() {
        // The quietest and the loudest codes of either sign, and one in the middle.
        for (byte, expected) in [(0xd5, 8), (0x55, -8), (0xaa, 32256), (0x2a, -32256), (0x80, 5504), (0x00, -5504)] {
            assert_eq!(pcm16(a_law(byte)), expected, "0x{byte:02x}");
        }
    }

    #[test]
    fn mu_law_equals_known_values() {
        for (byte, expected) in
            [(0xff, 0), (0x7f, 0), (0x80, 32124), (0x00, -32124), (0xf0, 120), (0x9f, 8316), (0x8f, 16764)]
        {
            assert_eq!(pcm16(mu_law(byte)), expected, "0x{byte:02x}");
        }
    }

    #[test]
    fn each_half_is_the_other_mirrored_and_steps_upwards() {
        for law in [a_law, mu_law] {
            for byte in 0..=255u8 {
                assert_eq!(law(byte), -law(byte ^ 0x80));
            }
        }
        let mut levels: Vec<i32> = (0..=255u8).map(|byte| pcm16(a_law(byte))).collect();
        levels.sort_unstable();
        levels.dedup();
        assert_eq!(levels.len(), 256);
    }
}
