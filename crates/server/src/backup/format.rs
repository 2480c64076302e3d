//! The format of backups: a line that says what it is, then frames, the last of which proves that nothing is missing or changed.
//!
//! ```text
//! "berth-backup 1\n"
//! frame:  kind (1 byte), length of the name, length of the content (4 bytes each, big-endian), name, content
//!   'F'   a file: its path in the data directory, its content
//!   'T'   from here on rows of this table, such as "state/ecs-tasks"
//!   'R'   a row: key and value
//!   'E'   the end: nothing, and the SHA-256 of everything before this frame
//! ```

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

/// What every backup of this format begins with.
const MAGIC: &[u8] = b"berth-backup 1\n";
/// What backups of all formats begin with.
const MAGIC_OF_ALL: &[u8] = b"berth-backup ";
/// The most bytes of a name or a content: far more than any row has.
const MOST: usize = 64 << 20;

/// A piece of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A file of the data directory.
    File {
        /// Its path there.
        path: String,
        /// What is in it.
        content: Vec<u8>,
    },
    /// The table of the rows that follow.
    Table(String),
    /// A row.
    Row {
        /// Its key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
}

/// A backup cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The disk, or whoever sends or takes it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is none.
    #[error("this is no backup of Berth")]
    Foreign,
    /// Another version wrote it.
    #[error("this backup has a format that this version of Berth does not read: use a newer version")]
    NewerFormat,
    /// It ends early.
    #[error("the backup is cut off: it was not written to its end")]
    CutOff,
    /// It is not as it was written.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// The store that it is made from or put into.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The history or the logs that it is made from or put into.
    #[error(transparent)]
    Telemetry(#[from] berth_telemetry::StorageError),
}

/// Writes a backup.
pub struct Writer<W> {
    to: W,
    digest: Sha256,
}

impl<W: Write> Writer<W> {
    /// Begins.
    ///
    /// # Errors
    /// The disk's.
    pub fn new(to: W) -> Result<Self, BackupError> {
        let digest = Sha256::new();
        let mut writer = Self { to, digest };
        writer.bytes(MAGIC)?;
        Ok(writer)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.digest.update(bytes);
        Ok(self.to.write_all(bytes)?)
    }

    fn frame(&mut self, kind: u8, name: &[u8], content: &[u8]) -> Result<(), BackupError> {
        let length = |part: &[u8]| {
            let fits = Some(part.len()).filter(|length| *length <= MOST);
            let length = fits.and_then(|length| u32::try_from(length).ok());
            length.ok_or(BackupError::Damaged("a row or file is too long"))
        };
        let (name_length, content_length) = (length(name)?, length(content)?);
        self.bytes(&[kind])?;
        self.bytes(&name_length.to_be_bytes())?;
        self.bytes(&content_length.to_be_bytes())?;
        self.bytes(name)?;
        self.bytes(content)
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&mut self, frame: &Frame) -> Result<(), BackupError> {
        match frame {
            Frame::File { path, content } => self.frame(b'F', path.as_bytes(), content),
            Frame::Table(name) => self.table(name),
            Frame::Row { key, value } => self.row(key, value),
        }
    }

    /// Begins a table.
    ///
    /// # Errors
    /// The disk's.
    pub fn table(&mut self, name: &str) -> Result<(), BackupError> {
        self.frame(b'T', name.as_bytes(), &[])
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The disk's.
    pub fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
        self.frame(b'R', key, value)
    }

    /// Writes the end, and gives back where it was written to.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self) -> Result<W, BackupError> {
        let digest = self.digest.clone().finalize();
        self.frame(b'E', &[], &digest)?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Reads a backup.
pub struct Reader<R> {
    from: R,
    digest: Sha256,
}

impl<R: Read> Reader<R> {
    /// Begins.
    ///
    /// # Errors
    /// What is no backup, or one of another format.
    pub fn new(from: R) -> Result<Self, BackupError> {
        let digest = Sha256::new();
        let mut reader = Self { from, digest };
        let mut magic = [0; MAGIC.len()];
        match reader.bytes(&mut magic) {
            Ok(()) if magic == MAGIC => Ok(reader),
            Ok(()) if magic.starts_with(MAGIC_OF_ALL) => Err(BackupError::NewerFormat),
            Ok(()) | Err(BackupError::CutOff) => Err(BackupError::Foreign),
            Err(error) => Err(error),
        }
    }

    fn bytes(&mut self, into: &mut [u8]) -> Result<(), BackupError> {
        self.from.read_exact(into).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                BackupError::CutOff
            } else {
                error.into()
            }
        })?;
        self.digest.update(&*into);
        Ok(())
    }

    fn length(&mut self) -> Result<usize, BackupError> {
        let mut bytes = [0; 4];
        self.bytes(&mut bytes)?;
        let length = usize::try_from(u32::from_be_bytes(bytes)).ok();
        length
            .filter(|length| *length <= MOST)
            .ok_or(BackupError::Damaged("a length makes no sense"))
    }

    fn part(&mut self, length: usize) -> Result<Vec<u8>, BackupError> {
        let mut part = vec![0; length];
        self.bytes(&mut part)?;
        Ok(part)
    }

    /// The next frame; nothing at the end, when everything before is as it was written.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn frame(&mut self) -> Result<Option<Frame>, BackupError> {
        let before = self.digest.clone();
        let mut kind = [0];
        self.bytes(&mut kind)?;
        let (name_length, content_length) = (self.length()?, self.length()?);
        let (name, content) = (self.part(name_length)?, self.part(content_length)?);
        let text = |name| String::from_utf8(name).map_err(|_| BackupError::Damaged("a name is no text"));
        match kind[0] {
            b'F' => Ok(Some(Frame::File {
                path: text(name)?,
                content,
            })),
            b'T' => Ok(Some(Frame::Table(text(name)?))),
            b'R' => Ok(Some(Frame::Row {
                key: name,
                value: content,
            })),
            b'E' if content == before.finalize().as_slice() => self.nothing_follows(),
            b'E' => Err(BackupError::Damaged("its checksum does not fit")),
            _ => Err(BackupError::Damaged("it has a piece of an unknown kind")),
        }
    }

    fn nothing_follows(&mut self) -> Result<Option<Frame>, BackupError> {
        match self.from.read(&mut [0])? {
            0 => Ok(None),
            _ => Err(BackupError::Damaged("something follows its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        vec![
            Frame::File {
                path: "administrator.json".to_owned(),
                content: b"{}".to_vec(),
            },
            Frame::Table("state/ecs-tasks".to_owned()),
            Frame::Row {
                key: b"key".to_vec(),
                value: vec![7; 1000],
            },
            Frame::Row {
                key: b"other".to_vec(),
                value: Vec::new(),
            },
        ]
    }

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        frames().iter().for_each(|frame| writer.write(frame).unwrap());
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Frame>, BackupError> {
        let mut reader = Reader::new(bytes)?;
        let mut frames = Vec::new();
        while let Some(frame) = reader.frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&written()).unwrap(), frames());
    }

    #[test]
    fn every_changed_bit_and_every_missing_byte_is_noticed() {
        let good = written();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(read(&bad).is_err(), "byte {at}");
            assert!(read(&good[..at]).is_err(), "{at} bytes");
        }
        let longer = [good.as_slice(), b"x"].concat();
        assert!(matches!(read(&longer), Err(BackupError::Damaged(_))));
    }

    #[test]
    fn other_files_and_formats_are_told_apart() {
        assert!(matches!(read(b""), Err(BackupError::Foreign)));
        assert!(matches!(
            read(b"PK\x03\x04 something else entirely"),
            Err(BackupError::Foreign)
        ));
        assert!(matches!(read(b"berth-backup 2\nx"), Err(BackupError::NewerFormat)));
        assert!(matches!(read(&written()[..40]), Err(BackupError::CutOff)));
    }
}
