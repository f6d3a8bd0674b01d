//! Pixels as a PNG file: 8 bits each of red, green and blue, and nothing else that the format knows.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};

/// The file. `rgb` holds `width` times `height` pixels of three bytes, row by row.
pub(crate) fn png(width: usize, height: usize, rgb: &[u8]) -> Vec<u8> {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX).to_be_bytes();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // 8 bits, RGB, the one way of compression and of filtering, from top to bottom.
    let header = [&side(width)[..], &side(height)[..], &[8, 2, 0, 0, 0]].concat();
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &packed(width, rgb));
    chunk(&mut file, b"IEND", &[]);
    file
}

/// The rows, each as what differs from the one above: most of a chart is as it is a row higher.
fn packed(width: usize, rgb: &[u8]) -> Vec<u8> {
    const FROM_ABOVE: u8 = 2;
    let above = vec![0; width * 3];
    let mut above = above.as_slice();
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut line = Vec::with_capacity(width * 3 + 1);
    for row in rgb.chunks_exact(width * 3) {
        line.clear();
        line.push(FROM_ABOVE);
        line.extend(row.iter().zip(above).map(|(byte, above)| byte.wrapping_sub(*above)));
        packer.write_all(&line).expect("a Vec takes any length");
        above = row;
    }
    packer.finish().expect("a Vec takes any length")
}

fn chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(data);
    file.extend(u32::try_from(data.len()).expect("a chart has some kilobytes").to_be_bytes());
    file.extend(name);
    file.extend(data);
    file.extend(crc.sum().to_be_bytes());
}
