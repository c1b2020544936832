//! The jobs: a picture comes, its thumbnail goes to the socket that has sent it.

use std::io::Cursor;

use channels::Bytes;
use channels::prelude::*;
use image::{ImageFormat, ImageReader, ImageResult, Limits};

/// Where the jobs wait.
pub(crate) const CHANNEL: &str = "thumbnails";

/// Pixels, of the longer side.
const SIZE: u32 = 160;

/// The most memory, in bytes, and the longest side, in pixels, of a picture: a small file can unpack
/// to a very large one.
const MEMORY: u64 = 128 << 20;
const LONGEST: u32 = 8000;

/// A job.
#[derive(Event, Serialize, Deserialize)]
#[event("thumbnail.make")]
pub(crate) struct Make {
    /// JPEG or PNG.
    pub(crate) picture: Bytes,
    /// The channel of the socket that waits.
    pub(crate) reply_to: ChannelName,
}

/// What the socket gets.
#[derive(Event, Serialize, Deserialize)]
#[event("thumbnail.made")]
pub(crate) struct Made {
    /// PNG.
    pub(crate) thumbnail: Bytes,
}

/// What it gets for something that is no picture.
#[derive(Event, Serialize, Deserialize)]
#[event("thumbnail.refused")]
pub(crate) struct Refused {
    pub(crate) reason: String,
}

#[consumer(channel)]
#[derive(Default)]
pub(crate) struct Thumbnails;

#[consumer]
impl Thumbnails {
    /// A plain `fn`: it has a thread of its own, and may take its time. What it fails with would be
    /// tried again; a picture that cannot be read stays so, and is answered.
    #[handler("thumbnail.make")]
    fn make(&mut self, job: &mut BlockingJob, make: Make) -> Result {
        match shrink(&make.picture) {
            Ok(thumbnail) => job.channel_send(&make.reply_to, Made { thumbnail }),
            Err(error) => {
                let reason = error.to_string();
                job.channel_send(&make.reply_to, Refused { reason })
            }
        }
    }
}

fn shrink(picture: &[u8]) -> ImageResult<Bytes> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    limits.max_image_width = Some(LONGEST);
    limits.max_image_height = Some(LONGEST);
    let mut reader = ImageReader::new(Cursor::new(picture)).with_guessed_format()?;
    reader.limits(limits);
    let thumbnail = reader.decode()?.thumbnail(SIZE, SIZE).into_rgba8();
    let mut png = Cursor::new(Vec::new());
    thumbnail.write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut png = Cursor::new(Vec::new());
        image::RgbaImage::new(width, height)
            .write_to(&mut png, ImageFormat::Png)
            .expect("a picture");
        png.into_inner()
    }

    #[test]
    fn a_picture_keeps_its_shape() {
        let small = shrink(&png(640, 320)).expect("a thumbnail");
        let small = image::load_from_memory(&small).expect("a picture");
        assert_eq!((small.width(), small.height()), (160, 80));
    }

    #[test]
    fn what_is_no_picture_is_told() {
        for bad in [b"".to_vec(), b"text".to_vec(), png(8, 8)[..40].to_vec()] {
            shrink(&bad).expect_err("no picture");
        }
        shrink(&png(LONGEST + 1, 1)).expect_err("too wide");
    }
}
