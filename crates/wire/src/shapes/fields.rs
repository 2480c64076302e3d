//! How plain Rust values become documents and back, one implementation per kind of field.

use std::collections::BTreeMap;

use crate::document::{Blob, DecodeError, Document, Timestamp};
use crate::shapes::{Field, Structure};

/// Moves a positional document into the fields of a structure. Fields that the document leaves out stay as they are.
///
/// # Errors
/// `WrongType` if the document was not read by the schema of this structure.
pub fn fill(structure: &mut dyn Structure, document: Document) -> Result<(), DecodeError> {
    let Document::Structure(values) = document else {
        return Err(wrong_type("a structure", &document));
    };
    let members = structure.schema().members;
    if values.len() != members.len() {
        return Err(wrong_type("a structure of this schema", &Document::Structure(values)));
    }
    for (index, value) in values.into_iter().enumerate().filter(|(_, value)| !value.is_null()) {
        let put = structure.field_mut(index).put(value);
        put.map_err(|error| error.inside(members[index].name))?;
    }
    Ok(())
}

/// Takes the fields of a structure out into a positional document and leaves defaults behind.
pub fn drain(structure: &mut dyn Structure) -> Document {
    let count = structure.schema().members.len();
    Document::Structure((0..count).map(|index| structure.field_mut(index).take()).collect())
}

fn wrong_type(expected: &'static str, found: &Document) -> DecodeError {
    DecodeError::WrongType {
        path: String::new(),
        expected,
        found: found.kind_name(),
    }
}

/// Fields that are exactly one variant of a document.
macro_rules! scalars {
    ($($type:ty, $variant:ident, $expected:literal;)*) => {
        $(impl Field for $type {
            fn put(&mut self, document: Document) -> Result<(), DecodeError> {
                let Document::$variant(value) = document else {
                    return Err(wrong_type($expected, &document));
                };
                *self = value;
                Ok(())
            }

            fn take(&mut self) -> Document {
                Document::$variant(std::mem::take(self))
            }
        })*
    };
}

scalars! {
    bool, Bool, "a boolean";
    i64, Integer, "a 64-bit integer";
    f64, Double, "a finite number";
    String, String, "a string";
    Blob, Blob, "a blob";
    Timestamp, Timestamp, "a timestamp";
}

impl Field for i32 {
    fn put(&mut self, document: Document) -> Result<(), DecodeError> {
        let Document::Integer(value) = document else {
            return Err(wrong_type("a 32-bit integer", &document));
        };
        *self = i32::try_from(value).map_err(|_| wrong_type("a 32-bit integer", &document))?;
        Ok(())
    }

    fn take(&mut self) -> Document {
        Document::Integer(i64::from(std::mem::take(self)))
    }
}

impl Field for Document {
    fn put(&mut self, document: Document) -> Result<(), DecodeError> {
        *self = document;
        Ok(())
    }

    fn take(&mut self) -> Document {
        std::mem::take(self)
    }
}

impl<T: Field + Default> Field for Option<T> {
    fn put(&mut self, document: Document) -> Result<(), DecodeError> {
        self.insert(T::default()).put(document)
    }

    fn take(&mut self) -> Document {
        Option::take(self).map_or(Document::Null, |mut value| value.take())
    }
}

impl<T: Field + Default> Field for Vec<T> {
    fn put(&mut self, document: Document) -> Result<(), DecodeError> {
        let Document::List(documents) = document else {
            return Err(wrong_type("a list", &document));
        };
        self.reserve_exact(documents.len());
        for (index, document) in documents.into_iter().enumerate() {
            let mut value = T::default();
            value
                .put(document)
                .map_err(|error| error.inside(&format!("[{index}]")))?;
            self.push(value);
        }
        Ok(())
    }

    fn take(&mut self) -> Document {
        let values = std::mem::take(self).into_iter();
        Document::List(values.map(|mut value| value.take()).collect())
    }
}

impl<T: Field + Default> Field for BTreeMap<String, T> {
    fn put(&mut self, document: Document) -> Result<(), DecodeError> {
        let Document::Map(documents) = document else {
            return Err(wrong_type("a map", &document));
        };
        for (key, document) in documents {
            let mut value = T::default();
            value.put(document).map_err(|error| error.inside(&key))?;
            self.insert(key, value);
        }
        Ok(())
    }

    fn take(&mut self) -> Document {
        let entries = std::mem::take(self).into_iter();
        Document::Map(entries.map(|(key, mut value)| (key, value.take())).collect())
    }
}
