//! A server's output: a file that the server itself writes to, opened for appending. So it needs
//! nobody to drain it, and it can be cut while it is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes read at a time from the end of a file.
const BLOCK_BYTES: u64 = 64 * 1024;

/// Opens the log for a new server.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Where the older part goes.
pub(crate) fn rotated(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Moves a log that has grown over `bytes_max` into its older part and empties it. The server
/// goes on writing to the same file, at its new end. What it writes between the last look at the
/// end and the cut is lost: a few lines at the most, under a flood.
///
/// Returns whether it was rotated.
pub(crate) fn rotate(path: &Path, bytes_max: u64) -> io::Result<bool> {
    let mut log = OpenOptions::new().read(true).write(true).open(path)?;
    let length = log.metadata()?.len();
    if length <= bytes_max {
        return Ok(false);
    }
    let older = rotated(path);
    let draft = older.with_extension("1.draft");
    log.seek(SeekFrom::Start(length - bytes_max))?;
    let mut copy = File::create(&draft)?;
    // Twice the limit, should the server write faster than we read.
    io::copy(&mut (&mut log).take(bytes_max.saturating_mul(2)), &mut copy)?;
    log.set_len(0)?;
    fs::rename(&draft, &older)?;
    Ok(true)
}

/// The last `lines` lines of a log, oldest first, its older part included; at most `bytes_max`
/// bytes of each part are read. What is not UTF-8 is replaced.
pub(crate) fn tail(path: &Path, lines: usize, bytes_max: u64) -> io::Result<Vec<String>> {
    let newer = tail_of_file(path, lines, bytes_max)?;
    let missing = lines - newer.len();
    if missing == 0 {
        return Ok(newer);
    }
    let mut all = tail_of_file(&rotated(path), missing, bytes_max)?;
    all.extend(newer);
    Ok(all)
}

fn tail_of_file(path: &Path, lines: usize, bytes_max: u64) -> io::Result<Vec<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let floor = length.saturating_sub(bytes_max);
    let mut start = length;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut breaks = 0;
    // One break more than lines: the last line usually ends with one.
    while start > floor && breaks <= lines {
        let end = start;
        start = end.saturating_sub(BLOCK_BYTES).max(floor);
        file.seek(SeekFrom::Start(start))?;
        let mut block = Vec::new();
        (&mut file).take(end - start).read_to_end(&mut block)?;
        breaks += block.iter().filter(|byte| **byte == b'\n').count();
        blocks.push(block);
    }
    blocks.reverse();
    let text = String::from_utf8_lossy(&blocks.concat()).into_owned();
    let mut found: Vec<String> = text.lines().rev().take(lines).map(String::from).collect();
    found.reverse();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn log_with(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        (dir, path)
    }

    #[test]
    fn a_writer_goes_on_in_the_emptied_file() {
        let (_dir, path) = log_with("");
        let mut writer = open(&path).unwrap();
        writer.write_all(b"one\ntwo\nthree\n").unwrap();
        assert!(!rotate(&path, 14).unwrap());
        assert!(rotate(&path, 10).unwrap());
        writer.write_all(b"four\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"four\n", "no hole is left at the front");
        assert_eq!(fs::read(rotated(&path)).unwrap(), b"two\nthree\n");
        assert_eq!(tail(&path, 2, 1_000).unwrap(), ["three", "four"]);
    }

    #[test]
    fn the_tail_of_a_long_log_is_read_from_its_end() {
        let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
        let (_dir, path) = log_with(&text);
        let lines = tail(&path, 20_000, u64::MAX).unwrap();
        assert_eq!((lines.len(), lines[0].as_str()), (20_000, "line 30000"));
        assert_eq!(tail(&path, 1, u64::MAX).unwrap(), ["line 49999"]);
        assert_eq!(tail(&path, 5_000, 100).unwrap().len(), 10, "bounded by bytes");
        assert!(tail(&path, 0, 100).unwrap().is_empty());
    }

    #[test]
    fn an_unfinished_line_and_what_is_no_text_are_shown() {
        let (_dir, path) = log_with("done\nhalf");
        open(&path).unwrap().write_all(b"\xff").unwrap();
        assert_eq!(tail(&path, 9, 100).unwrap(), ["done", "half\u{fffd}"]);
        assert!(tail(&path.with_extension("none"), 9, 100).unwrap().is_empty());
    }
}
