//! The file that a page is sending: how far it is, and how far each member has taken it.
//!
//! Nothing waits in here. The page may be [`WINDOW`] ahead of the slowest member and no more, so
//! what is queued for a member is bounded, and a slow one slows the sender down instead of
//! losing pieces. "Taken" means handed to the member's socket, whose own queue is bounded too.

use std::collections::BTreeMap;

use channels::prelude::*;

/// The largest file.
pub(crate) const LARGEST_FILE: u64 = 20_000_000;

/// The largest binary message, with its header.
pub(crate) const LARGEST_PIECE: usize = 64 * 1024;

/// How far a page may be ahead of the slowest member.
pub(crate) const WINDOW: u64 = 512 * 1024;

/// How often a member reports: several times a window, so that the page need not stop.
const REPORT_EVERY: u64 = 128 * 1024;

pub(crate) struct Upload {
    file: String,
    size: u64,
    sent: u64,
    /// How much was sent with the last piece that asked for a report.
    reported: u64,
    taken: BTreeMap<ChannelName, u64>,
    /// What the page was told last.
    told: u64,
}

/// Where a piece stands in its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) end: u64,
    pub(crate) report: bool,
}

impl Upload {
    /// A file that nobody has anything of.
    pub(crate) fn new<'a>(
        file: String,
        size: u64,
        members: impl Iterator<Item = &'a ChannelName>,
    ) -> Self {
        let taken = members.map(|member| (member.clone(), 0)).collect();
        Self {
            file,
            size,
            sent: 0,
            reported: 0,
            taken,
            told: 0,
        }
    }

    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Takes the next piece, or says which rule it breaks.
    pub(crate) fn push(&mut self, message: &[u8]) -> Result<Place, &'static str> {
        let data = self
            .data(message)
            .ok_or("this piece belongs to no accepted file")?;
        let end = self.sent + data.len() as u64;
        if message.len() > LARGEST_PIECE || data.is_empty() {
            return Err("a piece has 1 byte to 64 KiB");
        }
        if end > self.size {
            return Err("more data than the file was said to have");
        }
        if end > self.slowest() + WINDOW {
            return Err("too far ahead of the slowest member");
        }
        self.sent = end;
        let report = end == self.size || end >= self.reported + REPORT_EVERY;
        if report {
            self.reported = end;
        }
        Ok(Place { end, report })
    }

    /// A member has taken so much: also one who came while the file was under way.
    pub(crate) fn taken(&mut self, by: &ChannelName, bytes: u64) {
        let taken = self.taken.entry(by.clone()).or_default();
        *taken = bytes.min(self.sent).max(*taken);
    }

    /// A member is gone, and nobody has to wait for it.
    pub(crate) fn left(&mut self, member: &ChannelName) {
        self.taken.remove(member);
    }

    /// What every member has taken, if that is news for the page.
    pub(crate) fn news(&mut self) -> Option<u64> {
        let taken = self.slowest();
        let is_news = taken > self.told;
        self.told = taken.max(self.told);
        is_news.then_some(taken)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.told == self.size
    }

    /// Without anybody to wait for, what the page sent was taken.
    fn slowest(&self) -> u64 {
        self.taken.values().copied().min().unwrap_or(self.sent)
    }

    /// The data of a piece of this file.
    fn data<'m>(&self, message: &'m [u8]) -> Option<&'m [u8]> {
        let (&length, rest) = message.split_first()?;
        let (file, data) = rest.split_at_checked(length.into())?;
        (file == self.file.as_bytes()).then_some(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> ChannelName {
        ChannelName::new(name).expect("a channel name")
    }

    fn piece(file: &str, bytes: usize) -> Vec<u8> {
        let mut message = vec![u8::try_from(file.len()).expect("a short id")];
        message.extend(file.as_bytes());
        message.extend(vec![7; bytes]);
        message
    }

    fn upload(size: u64, members: &[ChannelName]) -> Upload {
        Upload::new("f".into(), size, members.iter())
    }

    #[test]
    fn the_page_gets_no_further_than_a_window_ahead_of_the_slowest() {
        let (fast, slow) = (member("fast"), member("slow"));
        let mut upload = upload(LARGEST_FILE, &[fast.clone(), slow.clone()]);
        let next = piece("f", 64_000);
        let mut asked = 0;
        for _ in 0..WINDOW / 64_000 {
            asked += u32::from(upload.push(&next).expect("within the window").report);
        }
        assert_eq!(asked, 2);
        upload.taken(&fast, upload.sent);
        assert_eq!(
            upload.push(&next),
            Err("too far ahead of the slowest member")
        );
        assert_eq!(upload.news(), None);
        upload.taken(&slow, 64_000);
        assert_eq!(upload.news(), Some(64_000));
        assert_eq!(upload.news(), None);
        assert!(upload.push(&next).is_ok());
    }

    #[test]
    fn who_leaves_is_not_waited_for_and_who_comes_is() {
        let (old, new) = (member("old"), member("new"));
        let mut upload = upload(300, std::slice::from_ref(&old));
        upload.push(&piece("f", 100)).expect("a piece");
        upload.left(&old);
        assert_eq!(upload.news(), Some(100));
        upload.push(&piece("f", 100)).expect("a piece");
        upload.taken(&new, 150);
        assert_eq!(upload.news(), Some(150));
        assert!(
            upload
                .push(&piece("f", 100))
                .expect("the last piece")
                .report
        );
        upload.taken(&new, u64::MAX);
        assert_eq!(upload.news(), Some(300));
        assert!(upload.is_complete());
    }

    #[test]
    fn a_piece_that_breaks_a_rule_is_refused() {
        let mut upload = upload(100_000, &[]);
        for bad in [&b""[..], b"\x05f", &piece("g", 10), &piece("ff", 10)] {
            assert_eq!(
                upload.push(bad),
                Err("this piece belongs to no accepted file")
            );
        }
        for bad in [piece("f", 0), piece("f", LARGEST_PIECE - 1)] {
            assert_eq!(upload.push(&bad), Err("a piece has 1 byte to 64 KiB"));
        }
        assert!(upload.push(&piece("f", LARGEST_PIECE - 2)).is_ok());
        let more = upload.push(&piece("f", 60_000));
        assert_eq!(more, Err("more data than the file was said to have"));
    }
}
