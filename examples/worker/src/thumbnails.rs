//! The jobs: shrink a picture, and send the thumbnail to the socket that uploaded it.

use std::io::Cursor;

use channels::Bytes;
use channels::prelude::*;
use image::{ImageFormat, ImageReader, ImageResult, Limits};

/// The channel of the jobs.
pub(crate) const CHANNEL: &str = "thumbnails";

/// Length of the longer side, in pixels.
const SIZE: u32 = 160;

/// Largest picture that is decoded: bytes of memory, and pixels of each side. A small file can unpack
/// to a very large picture.
const MAX_MEMORY: u64 = 128 << 20;
const MAX_SIDE: u32 = 8000;

/// A job: make a thumbnail.
#[derive(Event, Serialize, Deserialize)]
#[event("thumbnail.make")]
pub(crate) struct Make {
    /// JPEG or PNG.
    pub(crate) picture: Bytes,
    /// The channel of the socket that waits for the thumbnail.
    pub(crate) reply_to: ChannelName,
}

/// The result of a job.
#[derive(Event, Serialize, Deserialize)]
#[event("thumbnail.made")]
pub(crate) struct Made {
    /// PNG.
    pub(crate) thumbnail: Bytes,
}

/// The result of a job whose picture cannot be read.
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
    /// A plain `fn` runs on a separate thread and may block. A job that returns an error is retried;
    /// a picture that cannot be read would fail again, so it is answered instead.
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
    limits.max_alloc = Some(MAX_MEMORY);
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
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
    fn an_unreadable_picture_is_an_error() {
        for bad in [b"".to_vec(), b"text".to_vec(), png(8, 8)[..40].to_vec()] {
            shrink(&bad).expect_err("not a picture");
        }
        shrink(&png(MAX_SIDE + 1, 1)).expect_err("too wide");
    }
}
