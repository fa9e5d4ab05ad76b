//! The two checksums of a frame.

/// Bytes that are taken at once.
const SLICE: usize = 8;

/// CRC-16 with polynomial 0x8005: what a byte makes that is followed by 0 to 7 others.
static CRC16: [[u16; 256]; SLICE] = tables16();

/// CRC-8 with polynomial 0x07.
static CRC8: [u8; 256] = table8();

const fn table8() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x80 != 0 { (crc << 1) ^ 0x07 } else { crc << 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

const fn tables16() -> [[u16; 256]; SLICE] {
    let mut tables = [[0; 256]; SLICE];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ 0x8005 } else { crc << 1 };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut slice = 1;
    while slice < SLICE {
        let mut i = 0;
        while i < 256 {
            let crc = tables[slice - 1][i];
            tables[slice][i] = (crc << 8) ^ tables[0][(crc >> 8) as usize];
            i += 1;
        }
        slice += 1;
    }
    tables
}

/// Of a frame's header, its own last byte left out.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| CRC8[usize::from(crc ^ byte)])
}

/// Of a frame, its own last two bytes left out.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let (slices, rest) = bytes.as_chunks::<SLICE>();
    let mut crc = 0_u16;
    for slice in slices {
        let [high, low] = crc.to_be_bytes();
        let mut next = CRC16[7][usize::from(slice[0] ^ high)] ^ CRC16[6][usize::from(slice[1] ^ low)];
        for i in 2..SLICE {
            next ^= CRC16[SLICE - 1 - i][usize::from(slice[i])];
        }
        crc = next;
    }
    rest.iter().fold(crc, |crc, byte| (crc << 8) ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        // Those of the catalogs, for "123456789".
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(crc16(b"123456789"), 0xfee8);
        assert_eq!(
            crc16(b"12345678912345678"),
            b"12345678912345678"
                .iter()
                .fold(0, |crc, byte| (crc << 8) ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)])
        );
    }
}
